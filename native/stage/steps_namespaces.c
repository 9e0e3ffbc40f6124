#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "call.h"
#include "fd.h"
#include "process_stat.h"
#include "steps.h"

int run_unshare(struct context *context, const struct step_unshare *step) {
  return (int)CALL(context, unshare, FLAGS(step->flags));
}

int open_process(struct context *context, pid_t pid, uint64_t start_time) {
  AUTO_CLOSE int fd = (int)CALL(context, pidfd_open, NUMBER(pid), FLAGS(0));
  if (fd < 0) return fd;
  if (start_time == 0) return steal_fd(&fd);
  /* Read after the pidfd was taken: if it is still the one meant now, it was then. */
  struct process_stat stat;
  int error = process_stat_read(pid, &stat);
  if (error < 0) return error;
  return stat.start_time == start_time ? steal_fd(&fd) : -ESRCH;
}

int run_set_namespaces(struct context *context, const struct step_set_namespaces *step) {
  if (context->actor == ACTOR_INIT) {
    if (context->target_fd < 0) return -EINVAL;
    return (int)CALL(context, setns, DESCRIPTOR(context->target_fd), FLAGS(step->flags));
  }
  AUTO_CLOSE int fd = open_process(context, (pid_t)step->pid, step->start_time);
  return fd < 0 ? fd : (int)CALL(context, setns, DESCRIPTOR(fd), FLAGS(step->flags));
}

int run_join_namespace(struct context *context, const struct step_join_namespace *step) {
  AUTO_CLOSE int fd = (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(step->path),
                                FLAGS(O_RDONLY | O_CLOEXEC | O_NONBLOCK), NUMBER(0));
  if (fd < 0) return fd;
  return (int)CALL(context, setns, DESCRIPTOR(fd), FLAGS(step->flags));
}

int run_bind_namespace(struct context *context, const struct step_bind_namespace *step) {
  AUTO_CLOSE int fd = (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(step->source), FLAGS(O_RDONLY | O_CLOEXEC),
                                NUMBER(0));
  if (fd < 0) return fd;
  int error = check_magic(context, fd, NSFS_MAGIC);
  if (error < 0) return error;
  char held[32];
  snprintf(held, sizeof held, "/proc/self/fd/%d", fd);
  return (int)CALL(context, mount, TEXT(held), TEXT(step->path), TEXT(NULL), FLAGS(MS_BIND), HIDDEN(NULL));
}

/* One file of the new process in /proc; CVE-2025-52881: of procfs it must be, whatever is mounted at /proc. */
static int write_process_file(struct context *context, int process, const char *name, const char *data) {
  AUTO_CLOSE int fd =
      (int)CALL(context, openat, DESCRIPTOR(process), TEXT(name), FLAGS(O_WRONLY | O_CLOEXEC), NUMBER(0));
  if (fd < 0) return fd;
  int error = check_magic(context, fd, PROC_SUPER_MAGIC);
  return error < 0 ? error : write_once(context, fd, data);
}

int run_map_ids(struct context *context, const struct step_map_ids *step) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d", context->watch.pid);
  AUTO_CLOSE int process = (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(path),
                                     FLAGS(O_PATH | O_DIRECTORY | O_CLOEXEC), NUMBER(0));
  if (process < 0) return process;
  int error = write_process_file(context, process, "uid_map", step->uid_map);
  /* CVE-2014-8989: before gid_map, for afterwards it can no longer be denied. */
  if (error == 0 && *step->setgroups != '\0') error = write_process_file(context, process, "setgroups", step->setgroups);
  if (error == 0) error = write_process_file(context, process, "gid_map", step->gid_map);
  return error;
}

static int open_namespace_of_new(struct context *context, const char *type) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", context->watch.pid, type);
  return (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(path), FLAGS(O_RDONLY | O_CLOEXEC), NUMBER(0));
}

int run_kill_left(struct context *context) {
  struct left *left = &context->watch.left;
  int user = open_namespace_of_new(context, "user");
  if (user < 0) return user;
  left->user_fd = user;
  int pid = open_namespace_of_new(context, "pid");
  if (pid < 0) return pid;
  left->pid_fd = pid;
  return 0;
}

int run_set_hostname(struct context *context, const struct step_set_hostname *step) {
  return (int)CALL(context, sethostname, TEXT(step->name), NUMBER(strlen(step->name)));
}

int run_set_domainname(struct context *context, const struct step_set_domainname *step) {
  return (int)CALL(context, setdomainname, TEXT(step->name), NUMBER(strlen(step->name)));
}

int run_bring_up(struct context *context, const struct step_bring_up *step) {
  struct ifreq request = {0};
  if (strlen(step->interface) >= sizeof request.ifr_name) return -ENODEV;
  strcpy(request.ifr_name, step->interface);
  AUTO_CLOSE int fd =
      (int)CALL(context, socket, NUMBER(AF_INET), FLAGS(SOCK_DGRAM | SOCK_CLOEXEC), NUMBER(0));
  if (fd < 0) return fd;
  long result = CALL(context, ioctl, DESCRIPTOR(fd), FLAGS(SIOCGIFFLAGS), HIDDEN(&request),
                     HOLDING_TEXT(request.ifr_name));
  if (result < 0) return (int)result;
  request.ifr_flags |= IFF_UP;
  return (int)CALL(context, ioctl, DESCRIPTOR(fd), FLAGS(SIOCSIFFLAGS), HIDDEN(&request),
                   HOLDING_TEXT(request.ifr_name), HOLDING_FLAGS((unsigned short)request.ifr_flags));
}

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#include "call.h"
#include "fd.h"
#include "link.h"
#include "steps.h"

/*
 * What is entered is opened first, while the kernel lets us look at the process, and checked to be what the plan means.
 * By which of it the others may be entered, and in which order, is the plan's.
 */

static int hold(struct context *context, uint32_t slot, int fd) {
  if (slot >= HELD) {
    close(fd);
    return -EINVAL;
  }
  close_fd(&context->held_fds[slot]);
  context->held_fds[slot] = fd;
  return 0;
}

static int *held(struct context *context, uint32_t slot) {
  return slot < HELD && context->held_fds[slot] >= 0 ? &context->held_fds[slot] : NULL;
}

static const char *link_of(uint32_t type) {
  switch (type) {
    case CLONE_NEWNS:
      return "mnt";
    case CLONE_NEWUTS:
      return "uts";
    case CLONE_NEWIPC:
      return "ipc";
    case CLONE_NEWNET:
      return "net";
    case CLONE_NEWPID:
      return "pid";
    case CLONE_NEWUSER:
      return "user";
    case CLONE_NEWCGROUP:
      return "cgroup";
    case CLONE_NEWTIME:
      return "time";
    default:
      return NULL;
  }
}

/* Opens a file of a process in /proc, sure that the pid still stands for the one that is meant; pid 0 is ourselves. */
static int open_of_process(struct context *context, uint32_t pid, uint64_t start_time, const char *file, int flags) {
  char path[64];
  if (pid == 0) snprintf(path, sizeof path, "/proc/self/%s", file);
  else snprintf(path, sizeof path, "/proc/%u/%s", pid, file);
  AUTO_CLOSE int fd =
      (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(path), FLAGS(flags | O_CLOEXEC), NUMBER(0));
  if (fd < 0 || pid == 0) return steal_fd(&fd);
  /* If the process is still the one meant now, it was when its file was opened. */
  AUTO_CLOSE int process = open_process(context, (pid_t)pid, start_time);
  return process < 0 ? process : steal_fd(&fd);
}

int run_open_namespace(struct context *context, const struct step_open_namespace *step) {
  char file[16];
  const char *name = link_of(step->type);
  if (name == NULL) return -EINVAL;
  snprintf(file, sizeof file, "ns/%s", name);
  AUTO_CLOSE int fd = open_of_process(context, step->pid, step->start_time, file, O_RDONLY);
  for (uint32_t i = 0; i < step->ancestor && fd >= 0; i++) {
    int parent = (int)CALL(context, ioctl, DESCRIPTOR(fd), FLAGS(NS_GET_PARENT));
    close_fd(&fd);
    fd = parent;
  }
  if (fd < 0) return fd;
  struct stat stat;
  if (fstat(fd, &stat) < 0) return -errno;
  if (step->inode != 0 && stat.st_ino != step->inode) return -ESTALE;
  return hold(context, step->slot, steal_fd(&fd));
}

int run_enter_namespace(struct context *context, const struct step_enter_namespace *step) {
  int *fd = held(context, step->slot);
  if (fd == NULL) return -EINVAL;
  int result = (int)CALL(context, setns, DESCRIPTOR(*fd), FLAGS(step->type));
  close_fd(fd);
  return result;
}

int run_open_root(struct context *context, const struct step_open_root *step) {
  int fd = open_of_process(context, step->pid, step->start_time, "root", O_PATH | O_DIRECTORY);
  return fd < 0 ? fd : hold(context, step->slot, fd);
}

int run_enter_root(struct context *context, const struct step_enter_root *step) {
  int *fd = held(context, step->slot);
  if (fd == NULL) return -EINVAL;
  long result = CALL(context, fchdir, DESCRIPTOR(*fd));
  if (result == 0) result = CALL(context, chroot, TEXT("."));
  if (result == 0) result = CALL(context, chdir, TEXT("/"));
  close_fd(fd);
  return (int)result;
}

/*
 * A pid namespace is that of children only. Ours takes our place: as the monitor's own child it outlives us, and it waits
 * until the monitor knows it.
 */
int run_fork(struct context *context) {
  int pidfd = -1;
  struct clone_args args = {.flags = CLONE_PARENT | CLONE_PIDFD, .pidfd = (__u64)(uintptr_t)&pidfd};
  long pid = CALL_FORK(context, clone3, HIDDEN(&args), HIDDEN(sizeof args), HOLDING_FLAGS(args.flags));
  if (pid < 0) return (int)pid;
  if (pid > 0) {
    int error = send_descriptor(context, MESSAGE_FORKED, pidfd);
    if (error < 0) return error;
    _exit(0);
  }
  int nothing = -1;
  if (receive_message(context->link_fd, &nothing) != MESSAGE_RELEASE) _exit(1);
  return die_with_monitor(context, true);
}

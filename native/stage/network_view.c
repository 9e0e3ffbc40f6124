#define _GNU_SOURCE
#include "network_view.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "failure.h"
#include "fd.h"
#include "process_stat.h"

/* What is written: parts, the last of them `END`. Anything else is an answer that was cut off. */
enum part_kind { PART_NETLINK = 1, PART_SOCKETS = 2, PART_END = 3, PART_UNIX = 4 };

struct part {
  uint32_t kind;
  uint32_t bytes;
};

/* Who has a socket open: its inode, as /proc/PID/net/tcp tells it. */
struct socket_holder {
  uint64_t inode;
  uint32_t pid;
  uint32_t reserved;
};

static int write_part(enum part_kind kind, const void *data, size_t bytes, struct failure *failure) {
  const struct part part = {.kind = kind, .bytes = (uint32_t)bytes};
  if (fwrite(&part, sizeof part, 1, stdout) != 1 || (bytes > 0 && fwrite(data, bytes, 1, stdout) != 1))
    return failed(failure, "write");
  return 0;
}

/* True when both are the same namespace: all are files of one file system. */
static bool is_same(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/*
 * The outermost user namespace below our own that is above `net_fd`'s: who owns it from outside has power over all in it,
 * and what runs in a container of ours has none over what enters there. -1 with errno 0: the namespace is our own's.
 */
static int outermost_owner(int net_fd, const struct stat *own_user) {
  AUTO_CLOSE int fd = ioctl(net_fd, NS_GET_USERNS);
  AUTO_CLOSE int found = -1;
  while (fd >= 0) {
    struct stat stat;
    if (fstat(fd, &stat) < 0) return -1;
    if (is_same(&stat, own_user)) {
      errno = 0;
      return steal_fd(&found);
    }
    close_fd(&found);
    found = steal_fd(&fd);
    fd = ioctl(found, NS_GET_PARENT);
  }
  return -1;
}

/* Enters the network namespace of a process, and the user namespace that has a say over it. `net`: which one it is. */
static int enter_network(pid_t pid, uint64_t start_time, struct stat *net, struct failure *failure) {
  char path[40];
  struct stat own_net, own_user;
  if (stat("/proc/self/ns/net", &own_net) < 0 || stat("/proc/self/ns/user", &own_user) < 0)
    return failed(failure, "stat");
  snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
  AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed(failure, "open");
  /* Read after it was opened: if the pid is still the process's that is meant, it was then. */
  struct process_stat process;
  int error = process_stat_read(pid, &process);
  if (error < 0 || process.start_time != start_time) {
    errno = error < 0 ? -error : ESRCH;
    return failed(failure, "open");
  }
  if (fstat(fd, net) < 0) return failed(failure, "fstat");
  if (is_same(net, &own_net)) return 0;
  AUTO_CLOSE int user_fd = outermost_owner(fd, &own_user);
  if (user_fd < 0 && errno != 0) return failed(failure, "ioctl_ns");
  /* Our memory is of the user namespace that we were executed in: nobody inside of the other one may look at it. */
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return failed(failure, "prctl");
  if (user_fd >= 0 && setns(user_fd, CLONE_NEWUSER) < 0) return failed(failure, "setns");
  return setns(fd, CLONE_NEWNET) < 0 ? failed(failure, "setns") : 0;
}

/* Passes on what the kernel answers to one request, until it says that this was all. */
static int pass_on(int fd, enum part_kind kind, struct failure *failure) {
  static char buffer[64 * 1024] __attribute__((aligned(NLMSG_ALIGNTO)));
  for (;;) {
    ssize_t length = recv(fd, buffer, sizeof buffer, MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return failed(failure, "recv");
    if ((size_t)length > sizeof buffer) {
      errno = EMSGSIZE;
      return failed(failure, "recv");
    }
    if (write_part(kind, buffer, (size_t)length, failure) < 0) return -1;
    int left = (int)length;
    for (const struct nlmsghdr *message = (void *)buffer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return 0;
      if (message->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(message);
        errno = message->nlmsg_len < NLMSG_LENGTH(sizeof *error) ? EPROTO : -error->error;
        return failed(failure, "netlink");
      }
    }
  }
}

static int write_tables(struct failure *failure) {
  static const struct {
    uint16_t type;
    uint16_t bytes; /* of the structure that a request of this type begins with; all of it 0 asks for everything */
  } tables[] = {
      {RTM_GETLINK, sizeof(struct ifinfomsg)},
      {RTM_GETADDR, sizeof(struct ifaddrmsg)},
      {RTM_GETROUTE, sizeof(struct rtmsg)},
      {RTM_GETNEIGH, sizeof(struct ndmsg)},
  };
  AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (fd < 0) return failed(failure, "socket");
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    struct {
      struct nlmsghdr header;
      char body[sizeof(struct ifinfomsg)];
    } request = {.header = {.nlmsg_len = NLMSG_LENGTH(tables[i].bytes),
                            .nlmsg_type = tables[i].type,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    if (send(fd, &request, request.header.nlmsg_len, 0) < 0) return failed(failure, "send");
    if (pass_on(fd, PART_NETLINK, failure) < 0) return -1;
  }
  return 0;
}

/*
 * Sockets of AF_UNIX with their names and peers: sock_diag(7). Not /proc/PID/net/unix, where a name with a line feed in it
 * reads as a line of its own. A kernel without UNIX_DIAG says that it knows no such family: what it does not tell is left out.
 */
static int write_unix(struct failure *failure) {
  struct {
    struct nlmsghdr header;
    struct unix_diag_req body;
  } request = {.header = {.nlmsg_len = sizeof request,
                          .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                          .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
               .body = {.sdiag_family = AF_UNIX, .udiag_states = ~0u, .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER}};
  AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return errno == EPROTONOSUPPORT ? 0 : failed(failure, "socket");
  if (send(fd, &request, sizeof request, 0) < 0) return failed(failure, "send");
  return pass_on(fd, PART_UNIX, failure) < 0 && failure->error != ENOENT ? -1 : 0;
}

static void close_folder(DIR **folder) {
  if (*folder != NULL) closedir(*folder);
}
#define AUTO_CLOSE_FOLDER __attribute__((cleanup(close_folder)))

/* The sockets that one process has open. Those of a process that may not be looked at are nobody's, as for ss(8). */
static int write_sockets_of(pid_t pid, struct failure *failure) {
  struct socket_holder found[256];
  size_t count = 0;
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  AUTO_CLOSE_FOLDER DIR *folder = opendir(path);
  if (folder == NULL) return 0;
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    char link[64];
    ssize_t length = readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
    if (length < 0) continue; /* closed meanwhile, or "." */
    link[length] = '\0';
    uint64_t inode;
    if (sscanf(link, "socket:[%" SCNu64 "]", &inode) != 1) continue;
    found[count++] = (struct socket_holder){.inode = inode, .pid = (uint32_t)pid};
    if (count < sizeof found / sizeof *found) continue;
    if (write_part(PART_SOCKETS, found, sizeof found, failure) < 0) return -1;
    count = 0;
  }
  return count == 0 ? 0 : write_part(PART_SOCKETS, found, count * sizeof *found, failure);
}

/* Of every process in the network namespace: a socket of another one is not told of there. */
static int write_sockets(const struct stat *net, struct failure *failure) {
  AUTO_CLOSE_FOLDER DIR *processes = opendir("/proc");
  if (processes == NULL) return failed(failure, "opendir");
  for (const struct dirent *entry; (entry = readdir(processes)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    char path[40];
    struct stat stat_of_process;
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    /* Ended, or another user's: it may be in another one for all we know. */
    if (pid == getpid() || stat(path, &stat_of_process) < 0 || !is_same(&stat_of_process, net)) continue;
    if (write_sockets_of(pid, failure) < 0) return -1;
  }
  return 0;
}

static int view(pid_t pid, uint64_t start_time, struct failure *failure) {
  struct stat net;
  if (enter_network(pid, start_time, &net, failure) < 0 || write_tables(failure) < 0 || write_unix(failure) < 0 ||
      write_sockets(&net, failure) < 0 || write_part(PART_END, NULL, 0, failure) < 0)
    return -1;
  return fflush(stdout) == 0 ? 0 : failed(failure, "write");
}

int network_view_main(int argc, char **argv) {
  char *end = NULL;
  long pid = argc == 3 ? strtol(argv[2], &end, 10) : 0;
  uint64_t start_time = pid > 0 && *end == ':' ? strtoull(end + 1, &end, 10) : 0;
  if (pid <= 0 || start_time == 0 || *end != '\0') {
    fputs("usage: terrarium-stage network PID:STARTTIME\n", stderr);
    return 2;
  }
  struct failure failure = {0};
  if (view((pid_t)pid, start_time, &failure) == 0) return 0;
  const char *name = strerrorname_np(failure.error);
  fprintf(stderr, "error %s %s %s\n", failure.call, name == NULL ? "?" : name, failure.text);
  return 1;
}

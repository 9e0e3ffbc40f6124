#define _GNU_SOURCE
#include "enter.h"

#include <errno.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failure.h"
#include "fd.h"
#include "process_stat.h"

static int enter(pid_t pid, uint64_t start_time, struct failure *failure) {
  AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return failed(failure, "pidfd_open");
  /* Read after the pidfd was taken: if it is still the one meant now, it was then. */
  struct process_stat stat = {0};
  int error = start_time == 0 ? 0 : process_stat_read(pid, &stat);
  if (error < 0 || stat.start_time != start_time) {
    errno = error < 0 ? -error : ESRCH;
    return failed(failure, "pidfd_open");
  }
  if (setns(pidfd, CLONE_NEWUSER) < 0) return failed(failure, "setns");
  /* EPERM: setgroups is denied where only one id is mapped; the groups stay, and mean nothing inside. */
  if (setgroups(0, NULL) < 0 && errno != EPERM) return failed(failure, "setgroups");
  if (setresgid(0, 0, 0) < 0) return failed(failure, "setresgid");
  if (setresuid(0, 0, 0) < 0) return failed(failure, "setresuid");
  return close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? failed(failure, "close_range") : 0;
}

int enter_main(int argc, char **argv) {
  char *end = NULL;
  long pid = argc >= 5 ? strtol(argv[2], &end, 10) : 0;
  uint64_t start_time = pid > 0 && *end == ':' ? strtoull(end + 1, &end, 10) : 0;
  if (pid <= 0 || *end != '\0' || strcmp(argv[3], "--") != 0) {
    fputs("usage: terrarium-stage enter PID[:STARTTIME] -- COMMAND…\n", stderr);
    return 2;
  }
  struct failure failure = {0};
  if (enter((pid_t)pid, start_time, &failure) < 0) {
    fprintf(stderr, "terrarium-stage: %s: %s\n", failure.call, failure.text);
    return 126;
  }
  execvp(argv[4], argv + 4);
  fprintf(stderr, "terrarium-stage: %s: %s\n", argv[4], strerror(errno));
  return 127;
}

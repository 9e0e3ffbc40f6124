#define _GNU_SOURCE
#include "process_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"

enum { PF_FORKNOEXEC = 0x40 /* include/linux/sched.h */ };

bool process_stat_parse(const char *text, struct process_stat *stat) {
  /* Field 2, the name, may hold anything, parentheses and newlines too; what follows it are numbers. */
  const char *at = strrchr(text, ')');
  uint64_t flags = 0;
  bool stopped = false;
  for (int field = 2; at != NULL; at = strchr(at, ' ')) {
    if (field > 2) at++;
    if (field == 3) stopped = *at == 'T';
    if (field == 9) flags = strtoull(at, NULL, 10);
    if (field == 22) {
      char *end;
      *stat = (struct process_stat){strtoull(at, &end, 10), (flags & PF_FORKNOEXEC) == 0, stopped};
      return end != at;
    }
    field++;
  }
  return false;
}

int process_stat_read(pid_t pid, struct process_stat *stat) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == ENOENT ? -ESRCH : -errno;
  ssize_t length = read(fd, text, sizeof text - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  return process_stat_parse(text, stat) ? 0 : -EIO;
}

pid_t process_of_pidfd(int pidfd) {
  char path[48], text[512];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t length = read(fd, text, sizeof text - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  const char *line = strstr(text, "\nPid:");
  long pid = line == NULL ? 0 : strtol(line + strlen("\nPid:"), NULL, 10);
  return pid > 0 ? (pid_t)pid : -ESRCH;
}

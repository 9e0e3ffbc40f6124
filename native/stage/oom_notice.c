#define _GNU_SOURCE
#include "oom_notice.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fd.h"

#define FILE_NAME "memory.events"
#define COUNTER "/memory.oom_control"
#define CONTROL "/cgroup.event_control"

enum {
  /* The kernel tells before it kills, and not again of one that follows at once: it is looked for after 1, 2, 4… ms. */
  FIRST_LOOK_MS = 1,
  LOOK_TOTAL_MS = 1000,
};

/* The line `oom_kill N`, which both files have alike. */
int oom_read_kills(int fd, unsigned long long *kills) {
  char text[1024];
  ssize_t count = pread(fd, text, sizeof text - 1, 0);
  if (count < 0) return -errno;
  text[count] = 0;
  for (char *line = text; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, "oom_kill ", 9) != 0) continue;
    *kills = strtoull(line + 9, NULL, 10);
    return 0;
  }
  return -ENODATA;
}

/* Numbers only grow: a longer text covers the one before. */
static int write_kills(int fd, unsigned long long kills) {
  char text[48];
  int bytes = snprintf(text, sizeof text, "oom_kill %llu\n", kills);
  errno = ENOSPC;
  return pwrite(fd, text, (size_t)bytes, 0) == bytes ? 0 : -errno;
}

/* Source: Documentation/admin-guide/cgroup-v1/memory.rst, "OOM Control". */
static int register_event(const char *path, size_t folder, int event_fd, int counter_fd) {
  char control[PATH_MAX], text[32];
  int bytes = snprintf(control, sizeof control, "%.*s" CONTROL, (int)folder, path);
  if (bytes < 0 || bytes >= (int)sizeof control) return -ENAMETOOLONG;
  AUTO_CLOSE int fd = open(control, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  bytes = snprintf(text, sizeof text, "%d %d", event_fd, counter_fd);
  errno = EIO;
  return write(fd, text, (size_t)bytes) == bytes ? 0 : -errno;
}

int oom_notice_open(struct oom_notice *notice, int directory_fd, const char *path, int counter_fd,
                    unsigned long long kills) {
  *notice = (struct oom_notice){.event_fd = -1, .file_fd = -1, .counter_fd = counter_fd, .told = kills};
  size_t length = strlen(path), ending = strlen(COUNTER);
  if (length < ending || strcmp(path + length - ending, COUNTER) != 0) return 0;
  AUTO_CLOSE int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_fd < 0) return -errno;
  int result = register_event(path, length - ending, event_fd, counter_fd);
  if (result < 0) return result;
  AUTO_CLOSE int fd = openat(directory_fd, FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -errno;
  result = write_kills(fd, kills);
  if (result < 0) {
    unlinkat(directory_fd, FILE_NAME, 0);
    return result;
  }
  notice->event_fd = steal_fd(&event_fd);
  notice->file_fd = steal_fd(&fd);
  return 0;
}

void oom_notice_discard(struct oom_notice *notice, int directory_fd) {
  if (notice->event_fd < 0) return;
  close_fd(&notice->event_fd);
  close_fd(&notice->file_fd);
  unlinkat(directory_fd, FILE_NAME, 0);
}

void oom_notice_begin(struct oom_notice *notice, uint64_t now) {
  uint64_t count;
  /* Only to have it silent again: how often it was told says nothing of how many were killed. */
  if (read(notice->event_fd, &count, sizeof count) < 0 && errno != EAGAIN) close_fd(&notice->event_fd);
  notice->pause = FIRST_LOOK_MS;
  notice->look_until = now + LOOK_TOTAL_MS;
  oom_notice_look(notice, now);
}

void oom_notice_look(struct oom_notice *notice, uint64_t now) {
  unsigned long long kills = 0;
  /* On a full disk it is tried again at the next look; in the end the exit record tells. */
  if (oom_read_kills(notice->counter_fd, &kills) == 0 && kills > notice->told &&
      write_kills(notice->file_fd, kills) == 0)
    notice->told = kills;
  notice->look_at = now < notice->look_until ? now + notice->pause : 0;
  notice->pause *= 2;
}

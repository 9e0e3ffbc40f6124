#define _GNU_SOURCE
#include "exit_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "frame.h"

#define RECORD "exit.json"
#define TEMPORARY "exit.json.tmp"
#define EARLIER "exit.json.last"

enum { RECORD_BYTES = 256 };

int exit_record_reserve(struct exit_record *record, int directory_fd) {
  *record = (struct exit_record){.directory_fd = directory_fd, .fd = -1};
  AUTO_CLOSE int fd = openat(directory_fd, TEMPORARY, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -errno;
  char placeholder[RECORD_BYTES];
  memset(placeholder, ' ', sizeof placeholder);
  errno = ENOSPC;
  if (pwrite(fd, placeholder, sizeof placeholder, 0) == sizeof placeholder &&
      (renameat(directory_fd, RECORD, directory_fd, EARLIER) == 0 || errno == ENOENT)) {
    record->fd = steal_fd(&fd);
    return 0;
  }
  int error = errno;
  unlinkat(directory_fd, TEMPORARY, 0);
  return -error;
}

void exit_record_discard(struct exit_record *record) {
  if (record->fd < 0) return;
  close_fd(&record->fd);
  unlinkat(record->directory_fd, TEMPORARY, 0);
  renameat(record->directory_fd, EARLIER, record->directory_fd, RECORD);
}

/* Field 22 of /proc/PID/stat; the command before it may hold spaces and parentheses. Returns 0 or -errno. */
static int read_start_time(pid_t pid, uint64_t *start_time) {
  char text[1024];
  snprintf(text, sizeof text, "/proc/%d/stat", (int)pid);
  AUTO_CLOSE int fd = open(text, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t count = read(fd, text, sizeof text - 1);
  if (count < 0) return -errno;
  text[count] = 0;
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  if (!at) return -EBADMSG;
  *start_time = strtoull(at + 1, NULL, 10);
  return 0;
}

int exit_record_begin(struct exit_record *record, pid_t pid, uint64_t output_start) {
  record->pid = pid;
  record->output_start = output_start;
  if (unlinkat(record->directory_fd, EARLIER, 0) < 0 && errno != ENOENT) return -errno;
  return read_start_time(pid, &record->start_time);
}

int exit_record_write(struct exit_record *record, const struct process_exit *how) {
  char text[RECORD_BYTES];
  int bytes = snprintf(text, sizeof text,
                       "{\"exitCode\":%" PRIu32 ",\"signal\":%" PRIu32 ",\"oomKilled\":%s,\"finishedAtNs\":\"%" PRIu64
                       "\",\"pid\":%d,\"startTime\":%" PRIu64 ",\"outputStart\":\"%" PRIu64 "\"}\n",
                       how->code, how->signal, how->oom_killed ? "true" : "false",
                       frame_time(), (int)record->pid,
                       record->start_time, record->output_start);
  if (bytes < 0 || bytes >= (int)sizeof text) return -EOVERFLOW;
  errno = ENOSPC;
  if (pwrite(record->fd, text, (size_t)bytes, 0) != bytes || ftruncate(record->fd, bytes) < 0 ||
      renameat(record->directory_fd, TEMPORARY, record->directory_fd, RECORD) < 0)
    return -errno;
  return 0;
}

int exit_record_sync(struct exit_record *record) {
  int result = fsync(record->fd) == 0 && fsync(record->directory_fd) == 0 ? 0 : -errno;
  close_fd(&record->fd);
  return result;
}

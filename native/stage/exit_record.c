#define _GNU_SOURCE
#include "exit_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "frame.h"
#include "process_stat.h"

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

/* A pid and a start time name a process of one start of the machine only. */
static int read_boot_id(char *text, size_t size) {
  AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t length = read(fd, text, size - 1);
  if (length < 0) return -errno;
  text[length] = '\0';
  text[strcspn(text, "\n")] = '\0';
  return 0;
}

int exit_record_announce(const struct exit_record *record, pid_t pid, uint64_t start_time) {
  char text[RECORD_BYTES];
  char boot[64];
  int result = read_boot_id(boot, sizeof boot);
  if (result < 0) return result;
  int bytes = snprintf(text, sizeof text, "{\"pid\":%d,\"startTime\":%" PRIu64 ",\"bootId\":\"%s\"}", (int)pid, start_time, boot);
  errno = ENOSPC;
  return pwrite(record->fd, text, (size_t)bytes, 0) == bytes ? 0 : -errno;
}

int exit_record_begin(struct exit_record *record, pid_t pid, uint64_t output_start) {
  record->pid = pid;
  record->output_start = output_start;
  if (unlinkat(record->directory_fd, EARLIER, 0) < 0 && errno != ENOENT) return -errno;
  struct process_stat stat;
  int result = process_stat_read(pid, &stat);
  if (result == 0) record->start_time = stat.start_time;
  return result;
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

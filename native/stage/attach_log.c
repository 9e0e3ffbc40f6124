#define _GNU_SOURCE
#include "attach_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "output.h"

enum { RECORD_TRIES = 100, RECORD_PAUSE_NS = 20 * 1000 * 1000 };

struct ended {
  int code;
  uint64_t output_start;
};

/* The number behind `"key":`, in quotes or not, of a record that exit_record.c has written. */
static bool number_of(const char *text, const char *key, uint64_t *number) {
  const char *at = strstr(text, key);
  if (!at) return false;
  at += strlen(key);
  if (*at == '"') at++;
  char *end;
  errno = 0;
  *number = strtoull(at, &end, 10);
  return end != at && errno == 0;
}

static int read_record(int directory_fd, struct ended *ended) {
  AUTO_CLOSE int fd = openat(directory_fd, "exit.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -errno;
  char text[512];
  ssize_t count = read(fd, text, sizeof text - 1);
  if (count < 0) return -errno;
  text[count] = 0;
  uint64_t code;
  if (!number_of(text, "\"exitCode\":", &code) || !number_of(text, "\"outputStart\":", &ended->output_start))
    return -EBADMSG;
  ended->code = (int)(code & 0xff);
  return 0;
}

static int write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t count = write(fd, bytes, size);
    if (count < 0 && errno != EINTR) return -errno;
    if (count < 0) continue;
    bytes += count;
    size -= (size_t)count;
  }
  return 0;
}

static int print_frame(const struct frame_header *header, const char *payload) {
  if (header->type == FRAME_STDOUT) return write_all(STDOUT_FILENO, payload, header->bytes);
  if (header->type == FRAME_STDERR) return write_all(STDERR_FILENO, payload, header->bytes);
  return 0;
}

static int print_log(const struct output *log, uint64_t offset) {
  static char bytes[sizeof(struct frame_header) + FRAME_PAYLOAD_MAX];
  if (offset < output_oldest(log)) offset = output_oldest(log);
  while (offset < log->current.end) {
    struct frame_header header;
    ssize_t count = output_read(log, offset, bytes, sizeof bytes);
    if (count < (ssize_t)sizeof header) return count < 0 ? (int)count : -EBADMSG;
    memcpy(&header, bytes, sizeof header);
    if (header.bytes > (size_t)count - sizeof header) return -EBADMSG;
    int result = print_frame(&header, bytes + sizeof header);
    if (result < 0) return result;
    offset += sizeof header + header.bytes;
  }
  return 0;
}

int attach_log_show(const char *directory, const struct hello *hello) {
  AUTO_CLOSE int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0) return -errno;
  struct ended ended = {0};
  int result = -ENOENT;
  for (int tries = 0; result == -ENOENT && tries < RECORD_TRIES; tries++) {
    if (tries > 0) nanosleep(&(struct timespec){.tv_nsec = RECORD_PAUSE_NS}, NULL);
    result = read_record(directory_fd, &ended);
  }
  if (result < 0) return result;
  if (!(hello->flags & (HELLO_FROM_START | HELLO_REPLAY))) return ended.code;
  struct output log;
  result = output_open_kept(&log, directory_fd, ended.output_start);
  if (result < 0) return result;
  uint64_t end = log.current.end;
  uint64_t offset = log.start;
  if (!(hello->flags & HELLO_FROM_START)) offset = output_boundary(&log, hello->replay < end ? end - hello->replay : 0);
  result = print_log(&log, offset);
  output_close(&log);
  return result < 0 ? result : ended.code;
}

#define _GNU_SOURCE
#include "denied.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fd.h"

enum {
  ROUNDS = 64,     /* answers before output and clients have their turn */
  WRITE_MS = 100,  /* between two writes of the file: a program may go on asking */
  RETRY_MS = 1000, /* after one that failed */
  LINE_BYTES = 80,
};

/* A newer kernel may fill in more than the headers this was compiled with know; it must all be zero before. */
union notification {
  struct seccomp_notif of;
  char room[512];
};

/* By its comm, as of now: whoever asked waits for the answer. Empty when it has been killed meanwhile. */
static void read_program(int listener, const struct seccomp_notif *notification, char program[DENIED_PROGRAM]) {
  char path[32];
  memset(program, 0, DENIED_PROGRAM);
  snprintf(path, sizeof path, "/proc/%u/comm", notification->pid);
  AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t bytes = read(fd, program, DENIED_PROGRAM - 1);
  __u64 id = notification->id;
  /* Else its pid may be another's by now. */
  if (bytes < 0 || ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0) {
    memset(program, 0, DENIED_PROGRAM);
    return;
  }
  if (bytes > 0 && program[bytes - 1] == '\n') program[bytes - 1] = 0;
}

static void count(struct denied *denied, int call, const char program[DENIED_PROGRAM]) {
  denied->changed = true;
  for (size_t i = 0; i < denied->used; i++) {
    struct denied_kind *kind = &denied->kinds[i];
    if (kind->call != call || memcmp(kind->program, program, DENIED_PROGRAM) != 0) continue;
    kind->count++;
    return;
  }
  if (denied->used == DENIED_KINDS) {
    denied->others++;
    return;
  }
  struct denied_kind *kind = &denied->kinds[denied->used++];
  kind->call = call;
  memcpy(kind->program, program, DENIED_PROGRAM);
  kind->count = 1;
}

/* Takes one call and refuses it. Returns 0 or -errno; -ENOENT, -EINTR: there was none to be answered, go on. */
static int refuse_one(struct denied *denied, int listener) {
  union notification notification = {.room = {0}};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0) return -errno;
  char program[DENIED_PROGRAM];
  read_program(listener, &notification.of, program);
  count(denied, notification.of.data.nr, program);
  union {
    struct seccomp_notif_resp of;
    char room[512];
  } answer = {.room = {0}};
  answer.of.id = notification.of.id;
  answer.of.error = -EPERM;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0 ? -errno : 0;
}

void denied_answer(struct denied *denied, int *listener_fd, short revents) {
  for (int round = 0; revents & POLLIN; round++) {
    int result = refuse_one(denied, *listener_fd);
    /* Nothing could be answered any more: without a listener the kernel does, with ENOSYS. */
    if (result < 0 && result != -ENOENT && result != -EINTR && result != -EINPROGRESS) {
      close_fd(listener_fd);
      return;
    }
    if (round == ROUNDS) return;
    struct pollfd more = {.fd = *listener_fd, .events = POLLIN};
    revents = poll(&more, 1, 0) > 0 ? more.revents : 0;
  }
  if (revents & (POLLHUP | POLLERR | POLLNVAL)) close_fd(listener_fd);
}

/* Of the program in hexadecimal: its name may hold any byte. */
static size_t write_line(char *line, const struct denied_kind *kind) {
  int bytes = snprintf(line, LINE_BYTES, "%d %" PRIu64 " ", kind->call, kind->count);
  for (size_t i = 0; i < DENIED_PROGRAM && kind->program[i]; i++)
    bytes += snprintf(line + bytes, LINE_BYTES - (size_t)bytes, "%02x", (unsigned char)kind->program[i]);
  line[bytes++] = '\n';
  return (size_t)bytes;
}

static int replace_file(const struct denied *denied) {
  static char text[(DENIED_KINDS + 1) * LINE_BYTES];
  char temporary[PATH_MAX];
  size_t size = 0;
  for (size_t i = 0; i < denied->used; i++) size += write_line(text + size, &denied->kinds[i]);
  if (denied->others > 0) size += (size_t)snprintf(text + size, LINE_BYTES, "others %" PRIu64 "\n", denied->others);
  int length = snprintf(temporary, sizeof temporary, "%s.new", denied->path);
  if (length < 0 || length >= (int)sizeof temporary) return -ENAMETOOLONG;
  AUTO_CLOSE int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -errno;
  errno = ENOSPC;
  if (write(fd, text, size) == (ssize_t)size && rename(temporary, denied->path) == 0) return 0;
  int error = -errno;
  unlink(temporary);
  return error;
}

void denied_write(struct denied *denied, uint64_t now) {
  if (!denied->changed || denied->path == NULL || now < denied->write_at) return;
  bool written = replace_file(denied) == 0;
  denied->changed = !written;
  denied->write_at = now + (written ? WRITE_MS : RETRY_MS);
}

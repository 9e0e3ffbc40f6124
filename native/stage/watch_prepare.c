#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "monitor.h"

struct monitor monitor = {.oom = {.event_fd = -1, .file_fd = -1}};

static bool output_made_here(void) { return monitor.output.start == 0 && monitor.output.current.end == 0; }

static int set_signals(void) {
  static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
    if (signal(ignored[i], SIG_IGN) == SIG_ERR) return -errno;
  /* Ignored, as the zygote has it, the kernel would throw the exit status away. */
  return signal(SIGCHLD, SIG_DFL) == SIG_ERR ? -errno : 0;
}

int watch_prepare(struct watch *watch, const char *directory, const char *socket_path,
                  unsigned long long output_limit) {
  AUTO_CLOSE int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0) return -errno;
  int result = set_signals();
  if (result < 0) return result;
  result = output_open(&monitor.output, directory_fd, output_limit);
  if (result < 0) return result;
  result = exit_record_reserve(&monitor.record, directory_fd);
  int listen_fd = result < 0 ? result : attach_listen(socket_path);
  if (listen_fd < 0) {
    if (output_made_here()) unlinkat(directory_fd, "output", 0);
    if (result == 0) exit_record_discard(&monitor.record);
    output_close(&monitor.output);
    return listen_fd;
  }
  watch->directory_fd = steal_fd(&directory_fd);
  watch->listen_fd = listen_fd;
  watch->socket_path = socket_path;
  watch->output_limit = output_limit;
  return 0;
}

void watch_discard(struct watch *watch) {
  close_fd(&watch->listener_fd);
  if (watch->directory_fd < 0) return;
  unlink(watch->socket_path);
  if (output_made_here()) unlinkat(watch->directory_fd, "output", 0);
  exit_record_discard(&monitor.record);
  oom_notice_discard(&monitor.oom, watch->directory_fd);
  output_close(&monitor.output);
  close_fd(&watch->listen_fd);
  close_fd(&watch->events_fd);
  close_fd(&watch->directory_fd);
}

void watch_denied(const char *path) { monitor.denied.path = path; }

void watch_answer(struct watch *watch, short revents) {
  denied_answer(&monitor.denied, &watch->listener_fd, revents);
}

int watch_announce(const struct watch *watch, uint64_t start_time) {
  return watch->directory_fd < 0 ? 0 : exit_record_announce(&monitor.record, watch->pid, start_time);
}

int watch_events(struct watch *watch, const char *events_path) {
  if (*events_path == 0) return 0;
  AUTO_CLOSE int fd = open(events_path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int result = oom_read_kills(fd, &watch->events_base);
  if (result < 0) return result;
  watch->events_fd = steal_fd(&fd);
  /* Where v1 does not tell, kills are known at the end, from the counter: no reason not to start. */
  (void)oom_notice_open(&monitor.oom, watch->directory_fd, events_path, watch->events_fd, watch->events_base);
  return 0;
}

static int compare_descriptors(const void *left, const void *right) { return *(const int *)left - *(const int *)right; }

/* What the zygote's other work left open is none of a monitor's. */
static int close_others(const struct watch *watch) {
  int kept[] = {2,
                watch->pidfd,
                watch->terminal_fd,
                watch->stdin_fd,
                watch->stdout_fd,
                watch->stderr_fd,
                watch->directory_fd,
                watch->listen_fd,
                watch->events_fd,
                watch->listener_fd,
                watch->root_fd,
                watch->lease_fd,
                watch->left.user_fd,
                watch->left.pid_fd,
                monitor.output.current.fd,
                monitor.oom.event_fd,
                monitor.oom.file_fd,
                monitor.record.fd};
  size_t count = sizeof kept / sizeof *kept;
  qsort(kept, count, sizeof *kept, compare_descriptors);
  for (size_t i = 0; i < count; i++) {
    unsigned first = (unsigned)(kept[i] + 1);
    unsigned last = i + 1 < count ? (unsigned)kept[i + 1] - 1 : ~0u;
    if (kept[i] >= 2 && first <= last && close_range(first, last, 0) < 0) return -errno;
  }
  return 0;
}

static int set_nonblocking(int fd) {
  if (fd < 0) return 0;
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* Keeps the first error. */
static void note(int *error, int result) {
  if (*error == 0 && result < 0) *error = result;
}

int monitor_begin(const struct watch *watch) {
  const int polled[] = {watch->terminal_fd, watch->stdin_fd, watch->stdout_fd, watch->stderr_fd};
  int error = 0;
  monitor.input = (struct process_input){
      .pidfd = watch->pidfd, .terminal_fd = watch->terminal_fd, .stdin_fd = watch->stdin_fd};
  attach_server_open(&monitor.server, watch->listen_fd, &monitor.output, &monitor.input);
  for (size_t i = 0; i < sizeof polled / sizeof *polled; i++) note(&error, set_nonblocking(polled[i]));
  note(&error, close_others(watch));
  /* Not to keep a file system busy. */
  if (chdir("/") < 0) note(&error, -errno);
  note(&error, exit_record_begin(&monitor.record, watch->pid, monitor.output.start));
  return error;
}

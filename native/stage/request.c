#define _GNU_SOURCE
#include "request.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "decode.h"
#include "fd.h"
#include "launch.h"
#include "process_stat.h"
#include "title.h"

enum { ANSWER_MAGIC = 0x47444c54, ANSWER_VERSION = 1, READ_MILLISECONDS = 5000, WRITE_SECONDS = 5 };
static const uint32_t no_step = 0xffffffff;

struct answer {
  uint32_t magic;
  uint16_t version;
  uint16_t status;
  uint32_t pid;
  uint32_t monitor_pid;
  uint64_t start_time;
  uint64_t monitor_start_time;
  uint32_t failed_step;
  uint32_t error;
  uint32_t ledger_bytes;
  uint32_t dropped;
};
_Static_assert(sizeof(struct answer) == 48, "the answer goes over the wire as it lies");

/* Reads exactly `size` bytes before the deadline. Returns 0, -ETIMEDOUT, -ENODATA at an early end, or -errno. */
static int read_all(int connection, uint8_t *bytes, size_t size, uint64_t deadline) {
  while (size > 0) {
    uint64_t now = monotonic_now();
    if (now >= deadline) return -ETIMEDOUT;
    struct pollfd polled = {.fd = connection, .events = POLLIN};
    int ready = poll(&polled, 1, (int)((deadline - now) / 1000000u) + 1);
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready <= 0) continue;
    ssize_t got = recv(connection, bytes, size, MSG_DONTWAIT);
    if (got == 0) return -ENODATA;
    if (got < 0 && errno != EAGAIN && errno != EINTR) return -errno;
    if (got < 0) continue;
    bytes += got;
    size -= (size_t)got;
  }
  return 0;
}

/* Maps the plan as received before the deadline. Returns its size or -errno. */
static long receive_plan(int connection, uint64_t deadline, void **received) {
  uint8_t header[PLAN_HEADER];
  int error = read_all(connection, header, sizeof header, deadline);
  if (error < 0) return error;
  uint32_t size = plan_size(header);
  if (size == 0) return -EBADMSG;
  uint8_t *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) return -errno;
  for (size_t i = 0; i < sizeof header; i++) bytes[i] = header[i];
  error = read_all(connection, bytes + sizeof header, size - sizeof header, deadline);
  if (error < 0) {
    munmap(bytes, size);
    return error == -ENODATA ? -EBADMSG : error;
  }
  *received = bytes;
  return size;
}

/* A client that has gone is told nothing: what was started runs on, and is found by its files. Returns whether all went out. */
static bool send_all(int connection, const void *data, size_t size) {
  const uint8_t *bytes = data;
  while (size > 0) {
    ssize_t sent = send(connection, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    size -= (size_t)sent;
  }
  return true;
}

/*
 * Ends a connection whose client may still be writing: closed with unread bytes, the kernel would throw away the answer
 * as well. Reads no more than a plan may hold, and until the plan's own deadline: who says nothing is not waited for twice.
 */
static void close_unread(int connection, uint64_t deadline) {
  uint8_t unread[4096];
  shutdown(connection, SHUT_WR);
  for (int left = PLAN_LIMIT / (int)sizeof unread; left > 0 && read_all(connection, unread, sizeof unread, deadline) == 0;) left--;
  close(connection);
}

static struct answer empty_answer(enum launch_status status, int error) {
  return (struct answer){
      .magic = ANSWER_MAGIC,
      .version = ANSWER_VERSION,
      .status = (uint16_t)status,
      .failed_step = no_step,
      .error = (uint32_t)error,
  };
}

void request_refuse(int connection, int error) {
  struct answer answer = empty_answer(LAUNCH_FAILED, error);
  (void)send_all(connection, &answer, sizeof answer);
}

static void send_answer(int connection, const struct context *context, enum launch_status status) {
  const struct ledger *ledger = context->ledger;
  struct answer answer = empty_answer(status, 0);
  struct process_stat self = {0};
  answer.monitor_pid = (uint32_t)getpid();
  if (process_stat_read(getpid(), &self) == 0) answer.monitor_start_time = self.start_time;
  if (status == LAUNCH_RUNNING) {
    answer.pid = (uint32_t)context->watch.pid;
    answer.start_time = context->start_time;
  }
  if (status == LAUNCH_FAILED) {
    answer.failed_step = ledger->failed_step;
    answer.error = ledger->error;
  }
  answer.ledger_bytes = ledger->used;
  answer.dropped = ledger->dropped;
  if (send_all(connection, &answer, sizeof answer)) (void)send_all(connection, ledger->bytes, ledger->used);
}

static struct context new_context(const struct plan *plan, const void *received, size_t size) {
  return (struct context){
      .plan = plan,
      .received = received,
      .received_size = size,
      .actor = ACTOR_MONITOR,
      .link_fd = -1,
      .root_fd = -1,
      .null_fd = -1,
      .mount_fd = -1,
      .prepared = {-1, -1, -1, -1},
      .held_fds = {[0 ... HELD - 1] = -1},
      .target_fd = -1,
      .lease_fd = -1,
      .child_streams = {-1, -1, -1},
      .watch = {.pidfd = -1,
                .terminal_fd = -1,
                .stdin_fd = -1,
                .stdout_fd = -1,
                .stderr_fd = -1,
                .directory_fd = -1,
                .listen_fd = -1,
                .events_fd = -1,
                .listener_fd = -1,
                .root_fd = -1,
                .lease_fd = -1,
                .mounts_fd = -1,
                .left = {.user_fd = -1, .pid_fd = -1}},
  };
}

/* Executes the plan and answers. Returns whether there is a process to watch. */
static bool execute_plan(int connection, struct context *context) {
  context->ledger = ledger_map();
  context->made_cgroups = calloc(context->plan->count + 1u, sizeof *context->made_cgroups);
  if (context->ledger == NULL || context->made_cgroups == NULL) {
    request_refuse(connection, ENOMEM);
    return false;
  }
  context->watch.cgroups = context->made_cgroups;
  enum launch_status status = launch(context);
  send_answer(connection, context, status);
  return status == LAUNCH_RUNNING;
}

static void become_monitor(int connection) {
  title_set("terrarium monitor");
  static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  /* Ignored, as the zygote has it, the kernel would reap what we wait for. */
  signal(SIGCHLD, SIG_DFL);
  setsid();
  /* Who does not read the answer must not keep us from watching. */
  struct timeval patience = {.tv_sec = WRITE_SECONDS};
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

void request_serve(int connection) {
  become_monitor(connection);
  void *received = NULL;
  uint64_t deadline = monotonic_now() + READ_MILLISECONDS * 1000000ull;
  long size = receive_plan(connection, deadline, &received);
  /* ENODATA: it only looked whether somebody listens. */
  if (size == -ENODATA) _exit(0);
  struct plan plan = {0};
  int error = size < 0 ? (int)size : plan_decode(&plan, received, (size_t)size);
  if (error < 0) {
    request_refuse(connection, -error);
    close_unread(connection, deadline);
    _exit(1);
  }
  struct context context = new_context(&plan, received, (size_t)size);
  bool running = execute_plan(connection, &context);
  close(connection);
  if (!running) _exit(0);
  context_forget(&context);
  plan_free(&plan);
  _exit(watch_run(&context.watch) < 0 ? 1 : 0);
}

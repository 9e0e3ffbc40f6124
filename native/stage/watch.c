#define _GNU_SOURCE
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cgroup_remove.h"
#include "fd.h"
#include "monitor.h"

enum {
  READ_ROUNDS = 8,             /* reads from one descriptor before the others have their turn */
  HANGUP_MS = 250,             /* until a terminal that nobody has open is looked at again */
  ACCEPT_MS = 1000,            /* until connections are taken again after there was no descriptor for one */
  MOUNTS_MS = 100,             /* until mounts that have changed are looked at again: a process may mount in a loop */
  CGROUP_MS = 20,              /* between attempts to remove cgroups whose processes are still dying */
  CGROUP_TOTAL_MS = 5000,      /* then they are left to the helper */
  RECORD_MS = 250,             /* between attempts to write the exit record on a full disk */
  RECORD_TOTAL_MS = 60 * 1000, /* then it is given up */
  RETRY_MS = 50,               /* until events are waited for again after the kernel could not */
  DRAIN_MAX = 1024 * 1024,     /* of a terminal, against one whose other holders go on printing */
};

static uint64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Puts the frame at hand where it belongs: into the log, or when the disk refuses it directly to those attached. Then it
 * waits for clients that hold to have caught up with the log, unless the process has ended.
 */
static void place_frame(void) {
  struct output *output = &monitor.output;
  uint64_t before = output->current.end;
  bool losing = output->lost > 0;
  int result = output_append(output, &monitor.header, monitor.payload, attach_allows_rotation(&monitor.server));
  if (losing && output->current.end != before) {
    attach_skip_gap(&monitor.server, before);
    losing = false;
  }
  monitor.server.withheld = result < 0 && monitor.ended_at == 0 && !attach_can_pass(&monitor.server);
  if (monitor.server.withheld) return;
  if (result < 0) {
    attach_pass(&monitor.server, &monitor.header, monitor.payload, losing);
    output->lost += monitor.header.bytes;
  }
  monitor.header.bytes = 0;
}

static bool may_read(void) { return monitor.header.bytes == 0 && attach_allows_output(&monitor.server); }

/* Reads once. Returns the count, -EAGAIN, or -EPIPE when there will be no more. */
static ssize_t take(int fd, enum frame_type type) {
  ssize_t count = read(fd, monitor.payload, sizeof monitor.payload);
  if (count > 0) {
    monitor.header = (struct frame_header){.bytes = (uint32_t)count, .type = (uint8_t)type, .time = frame_time()};
    place_frame();
    return count;
  }
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? -EAGAIN : -EPIPE;
}

static void read_output(int *fd, enum frame_type type, bool terminal, uint64_t now) {
  ssize_t result = 0;
  for (int round = 0; round < READ_ROUNDS && result >= 0 && may_read(); round++) {
    result = take(*fd, type);
    /* Serving as we go keeps a client that holds the process from lagging. */
    if (result > 0) attach_serve(&monitor.server, now);
  }
  if (result != -EPIPE) return;
  /* Nobody has the terminal open just now; somebody may open it again. */
  if (terminal) {
    monitor.hangup_until = now + HANGUP_MS;
  } else {
    close_fd(fd);
  }
}

/* What was written before the end. Others may still hold the other side: their going on is not waited for. */
static void drain(int *fd, enum frame_type type, bool terminal) {
  int left = DRAIN_MAX;
  if (*fd < 0 || (!terminal && ioctl(*fd, FIONREAD, &left) < 0)) return;
  while (left > 0) {
    ssize_t count = take(*fd, type);
    if (count < 0) break;
    left -= (int)count;
  }
  close_fd(fd);
}

/* Reaps the process. Returns 0 or -errno. */
static int reap(const struct watch *watch) {
  siginfo_t info = {0};
  if (waitid(P_PIDFD, (id_t)watch->pidfd, &info, WEXITED | __WALL) < 0) return -errno;
  bool exited = info.si_code == CLD_EXITED;
  monitor.how.signal = exited ? 0 : (uint32_t)info.si_status;
  monitor.how.code = (uint32_t)info.si_status + (exited ? 0 : 128);
  unsigned long long kills = 0;
  if (watch->events_fd >= 0 && oom_read_kills(watch->events_fd, &kills) == 0)
    monitor.how.oom_killed = kills > watch->events_base;
  return 0;
}

static void write_record(uint64_t now) {
  int result = exit_record_write(&monitor.record, &monitor.how);
  bool again = result == -ENOSPC || result == -EDQUOT || result == -EIO;
  monitor.record_at = again && now < monitor.ended_at + RECORD_TOTAL_MS ? now + RECORD_MS : 0;
}

static void remove_cgroups(const struct watch *watch, uint64_t now) {
  bool busy = false;
  for (size_t i = watch->cgroup_count; i-- > 0;)
    if (cgroup_remove(watch->cgroups[i]) == -EBUSY) busy = true;
  cgroup_remove_empty(watch->shared_cgroups, watch->shared_cgroup_count);
  monitor.cgroups_at = busy && now < monitor.ended_at + CGROUP_TOTAL_MS ? now + CGROUP_MS : 0;
}

/*
 * Once the process has ended. The socket goes first: whoever sees the record may start the container anew, on the same
 * path. The record is renamed before anybody is waited for, and synced after they are told.
 */
static int finish(struct watch *watch) {
  unlink(watch->socket_path);
  int result = reap(watch);
  if (result < 0) return result;
  /* As the kernel has it for a pid namespace: the end is told when all have come to theirs. */
  left_end(&watch->left);
  uint64_t now = monotonic_ms();
  monitor.ended_at = now;
  if (monitor.header.bytes > 0) place_frame();
  drain(&watch->terminal_fd, FRAME_STDOUT, true);
  drain(&watch->stdout_fd, FRAME_STDOUT, false);
  drain(&watch->stderr_fd, FRAME_STDERR, false);
  monitor.input.terminal_fd = -1;
  close_fd(&monitor.input.stdin_fd);
  monitor.denied.write_at = 0;
  denied_write(&monitor.denied, now);
  write_record(now);
  struct exit_frame exit = {
      .header = {.bytes = sizeof exit - sizeof exit.header, .type = FRAME_EXIT, .time = frame_time()},
      .exit_code = monitor.how.code,
      .signal = monitor.how.signal,
      .oom_killed = monitor.how.oom_killed};
  attach_end(&monitor.server, &exit, now);
  watch->listen_fd = -1;
  attach_serve(&monitor.server, now);
  remove_cgroups(watch, now);
  return 0;
}

/* What is due after the end. Returns whether all of it is done. */
static bool finish_later(const struct watch *watch, uint64_t now) {
  if (monitor.record_at != 0 && monitor.record_at <= now) write_record(now);
  if (monitor.cgroups_at != 0 && monitor.cgroups_at <= now) remove_cgroups(watch, now);
  if (monitor.record_at == 0 && !monitor.synced) {
    /* A failure cannot be told to anybody any more, and the record is as good as the file system keeps it. */
    (void)exit_record_sync(&monitor.record);
    monitor.synced = true;
  }
  return monitor.synced && monitor.cgroups_at == 0 && attach_count(&monitor.server) == 0;
}

static void sooner(uint64_t *due, uint64_t other) {
  if (other != 0 && (*due == 0 || other < *due)) *due = other;
}

static int wait_ms(uint64_t now) {
  uint64_t due = attach_deadline(&monitor.server);
  sooner(&due, monitor.hangup_until);
  sooner(&due, monitor.accept_until);
  sooner(&due, monitor.mounts_until);
  sooner(&due, monitor.cgroups_at);
  sooner(&due, monitor.record_at);
  sooner(&due, monitor.oom.look_at);
  if (monitor.denied.changed && monitor.denied.path != NULL)
    sooner(&due, monitor.denied.write_at == 0 ? now : monitor.denied.write_at);
  if (due == 0) return -1;
  return due <= now ? 0 : (int)(due - now);
}

/*
 * Opens mountinfo of the process when somebody wants to hear of its mounts, and closes it when nobody does. It is never
 * read: that it changed is an event of poll(2), of all that is mounted and unmounted since it was opened:
 * proc_pid_mounts(5).
 */
static void follow_mounts(struct watch *watch) {
  bool wanted = monitor.ended_at == 0 && attach_wants_mounts(&monitor.server);
  if (wanted == (watch->mounts_fd >= 0)) return;
  monitor.mounts_until = 0;
  if (!wanted) {
    close_fd(&watch->mounts_fd);
    return;
  }
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)watch->pid);
  watch->mounts_fd = open(path, O_RDONLY | O_CLOEXEC);
  /* Without it nothing is told; it is tried again with the next event. */
}

enum { PROCESS, MEMORY, REFUSED, MOUNTS, TERMINAL, STDOUT, STDERR, INPUT, LISTEN, CLIENTS, POLLED = CLIENTS + ATTACH_CLIENTS };

static void fill_polled(const struct watch *watch, struct pollfd polled[POLLED]) {
  bool ended = monitor.ended_at != 0;
  bool reading = may_read();
  bool blocked = attach_input_blocked(&monitor.server);
  polled[PROCESS] = (struct pollfd){.fd = ended ? -1 : watch->pidfd, .events = POLLIN};
  /* After the end the counter alone is asked; the kernel also tells when the cgroup goes. */
  polled[MEMORY] = (struct pollfd){.fd = ended ? -1 : monitor.oom.event_fd, .events = POLLIN};
  polled[REFUSED] = (struct pollfd){.fd = watch->listener_fd, .events = POLLIN};
  polled[MOUNTS] = (struct pollfd){.fd = monitor.mounts_until == 0 ? watch->mounts_fd : -1, .events = POLLPRI};
  polled[TERMINAL] =
      (struct pollfd){.fd = reading && monitor.hangup_until == 0 ? watch->terminal_fd : -1, .events = POLLIN};
  polled[STDOUT] = (struct pollfd){.fd = reading ? watch->stdout_fd : -1, .events = POLLIN};
  polled[STDERR] = (struct pollfd){.fd = reading ? watch->stderr_fd : -1, .events = POLLIN};
  /* Not while hung up: that is an event of its own, and would never let us rest. */
  polled[INPUT] = (struct pollfd){.fd = blocked && monitor.hangup_until == 0 ? input_fd(&monitor.input) : -1,
                                  .events = POLLOUT};
  polled[LISTEN] =
      (struct pollfd){.fd = monitor.accept_until == 0 ? monitor.server.listen_fd : -1, .events = POLLIN};
  for (size_t i = 0; i < ATTACH_CLIENTS; i++)
    polled[CLIENTS + i] = attach_poll(&monitor.server, &monitor.server.clients[i]);
}

static void handle_polled(struct watch *watch, const struct pollfd polled[POLLED], uint64_t now) {
  if (monitor.hangup_until <= now) monitor.hangup_until = 0;
  if (monitor.accept_until <= now) monitor.accept_until = 0;
  if (monitor.mounts_until <= now) monitor.mounts_until = 0;
  if (polled[MEMORY].revents) oom_notice_begin(&monitor.oom, now);
  else if (monitor.oom.look_at != 0 && monitor.oom.look_at <= now) oom_notice_look(&monitor.oom, now);
  /* First of what the process waits for: its call has not returned. */
  if (polled[REFUSED].revents) watch_answer(watch, polled[REFUSED].revents);
  if (polled[MOUNTS].revents) {
    attach_mounts_changed(&monitor.server);
    monitor.mounts_until = now + MOUNTS_MS;
  }
  if (polled[TERMINAL].revents) read_output(&watch->terminal_fd, FRAME_STDOUT, true, now);
  if (polled[STDOUT].revents) read_output(&watch->stdout_fd, FRAME_STDOUT, false, now);
  if (polled[STDERR].revents) read_output(&watch->stderr_fd, FRAME_STDERR, false, now);
  if (polled[INPUT].revents & POLLHUP) monitor.hangup_until = now + HANGUP_MS;
  if (polled[INPUT].revents) attach_unblock_input(&monitor.server);
  for (size_t i = 0; i < ATTACH_CLIENTS; i++)
    if (polled[CLIENTS + i].revents)
      attach_handle(&monitor.server, &monitor.server.clients[i], polled[CLIENTS + i].revents);
  /* After the clients: a place that has just become free must not be taken for an event of the old one. */
  if (polled[LISTEN].revents && attach_accept(&monitor.server, now) < 0) monitor.accept_until = now + ACCEPT_MS;
}

int watch_run(struct watch *watch) {
  int result = monitor_begin(watch);
  /* Whatever of it failed: the process runs, and its status and output are kept as well as can be. */
  for (;;) {
    struct pollfd polled[POLLED];
    uint64_t now = monotonic_ms();
    if (monitor.ended_at != 0 && finish_later(watch, now)) return result;
    /* Input is over: there is nothing left to wait for. */
    if (input_fd(&monitor.input) < 0) attach_unblock_input(&monitor.server);
    fill_polled(watch, polled);
    int ready = poll(polled, POLLED, wait_ms(now));
    if (ready < 0) {
      /* Out of memory, for one: the process runs on, and to leave it now would lose its status. */
      const struct timespec pause = {.tv_nsec = RETRY_MS * 1000 * 1000};
      if (errno != EINTR) nanosleep(&pause, NULL);
      continue;
    }
    now = monotonic_ms();
    handle_polled(watch, polled, now);
    if (polled[PROCESS].revents) {
      int ended = finish(watch);
      if (ended < 0) return ended;
    }
    /* Before its word goes out: what is mounted after that is told. */
    follow_mounts(watch);
    attach_serve(&monitor.server, now);
    denied_write(&monitor.denied, now);
    if (monitor.header.bytes > 0) place_frame();
  }
}

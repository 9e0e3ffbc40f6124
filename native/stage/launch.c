#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "cgroup_remove.h"
#include "child.h"
#include "fd.h"
#include "link.h"
#include "process_stat.h"
#include "steps.h"

/* How long a process may take from the clone to its command. A start may mount what lies on a slow disk. */
enum { ENTER_SECONDS = 10, START_SECONDS = 120 };

/* The others would make the new process share memory or descriptors with its monitor. */
static const uint32_t clone_flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
                                    CLONE_NEWNET | CLONE_NEWCGROUP;

int run_monitor(struct context *context, const struct step_monitor *step) {
  /* Copies: the plan is unmapped once it is executed. */
  const char *socket_path = strdup(step->socket);
  if (socket_path == NULL) return -ENOMEM;
  int error = watch_prepare(&context->watch, step->directory, socket_path, step->output_limit);
  if (error == 0 && *step->events != '\0') context->events = step->events;
  return error;
}

int run_count_denied(struct context *context, const struct step_count_denied *step) {
  (void)context;
  /* A copy: the plan is unmapped once it is executed. */
  const char *path = strdup(step->path);
  if (path == NULL) return -ENOMEM;
  watch_denied(path);
  return 0;
}

static int make_pipe(struct context *context, int *ours, int *theirs, bool to_child) {
  int ends[2];
  long result = CALL(context, pipe2, HIDDEN(ends), FLAGS(O_CLOEXEC));
  if (result < 0) return (int)result;
  *ours = ends[to_child ? 1 : 0];
  *theirs = ends[to_child ? 0 : 1];
  return 0;
}

int run_make_pipes(struct context *context, const struct step_make_pipes *step) {
  struct watch *watch = &context->watch;
  int error = step->stdin ? make_pipe(context, &watch->stdin_fd, &context->child_streams[0], true) : 0;
  if (error == 0) error = make_pipe(context, &watch->stdout_fd, &context->child_streams[1], false);
  if (error == 0) error = make_pipe(context, &watch->stderr_fd, &context->child_streams[2], false);
  return error;
}

/* Streams that are no pipes; a terminal replaces them later. */
static int open_null_streams(struct context *context) {
  for (int i = 0; i < 3; i++) {
    if (context->child_streams[i] >= 0) continue;
    int fd = (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT("/dev/null"), FLAGS(O_RDWR | O_CLOEXEC), NUMBER(0));
    if (fd < 0) return fd;
    context->child_streams[i] = fd;
  }
  return 0;
}

/* Opened out here: once born in the target's pid namespace, the process knows it under another pid. */
static int open_target(struct context *context) {
  const struct plan *plan = context->plan;
  const struct step_set_namespaces *target = NULL;
  for (uint16_t i = plan->first_of_init; i < plan->count; i++) {
    if (plan->steps[i].code != STEP_SET_NAMESPACES) continue;
    const struct step_set_namespaces *step = &plan->steps[i].as.set_namespaces;
    if (target != NULL && (target->pid != step->pid || target->start_time != step->start_time)) return -EINVAL;
    target = step;
  }
  if (target == NULL) return 0;
  int fd = open_process(context, (pid_t)target->pid, target->start_time);
  if (fd < 0) return fd;
  context->target_fd = fd;
  return 0;
}

int run_clone(struct context *context, const struct step_clone *step) {
  if (step->flags & ~clone_flags) return -EINVAL;
  int error = open_null_streams(context);
  if (error == 0) error = open_target(context);
  if (error < 0) return error;
  AUTO_CLOSE int cgroup = *step->cgroup == '\0' ? -1 : open_cgroup(context, step->cgroup, CGROUP2_SUPER_MAGIC);
  if (*step->cgroup != '\0' && cgroup < 0) return cgroup;
  int link[2];
  long result = CALL(context, socketpair, NUMBER(AF_UNIX), FLAGS(SOCK_SEQPACKET | SOCK_CLOEXEC), NUMBER(0), HIDDEN(link));
  if (result < 0) return (int)result;
  int pidfd = -1;
  struct clone_args args = {
      .flags = step->flags | CLONE_PIDFD | (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
      .pidfd = (__u64)(uintptr_t)&pidfd,
      .exit_signal = SIGCHLD,
      .cgroup = (__u64)(cgroup >= 0 ? cgroup : 0),
  };
  context->link_fd = link[1];
  const char *shown = *step->cgroup == '\0' ? NULL : step->cgroup;
  if (context->join_count > 0) {
    args.flags &= ~(__u64)CLONE_PIDFD;
    args.pidfd = 0;
    result = clone_joined(context, &args, shown);
  } else {
    result = CALL_FORK(context, clone3, HIDDEN(&args), HIDDEN(sizeof args), HOLDING_FLAGS(args.flags), HOLDING_TEXT(shown));
  }
  if (result == 0) {
    close(link[0]); /* held by us, it would keep the link open when the monitor dies */
    child_run(context);
  }
  close(link[1]);
  context->link_fd = link[0];
  for (int i = 0; i < 3; i++) close_fd(&context->child_streams[i]);
  for (int i = 0; i < context->join_count; i++) close_fd(&context->joins[i].process);
  if (result < 0) return (int)result;
  context->watch.pid = (pid_t)result;
  if (context->join_count > 0) {
    /* Ours, and not waited for yet: the pid cannot have come to mean another. */
    pidfd = (int)CALL(context, pidfd_open, NUMBER(result), FLAGS(0));
    if (pidfd < 0) return pidfd;
  }
  context->watch.pidfd = pidfd;
  return 0;
}

/*
 * Takes hold of the process's root while it surely is there. Unmounting an overlay on ext4 syncs the whole file
 * system, which must happen when the monitor ends, not when the process does.
 */
static int hold_root(struct context *context) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/root", context->watch.pid);
  int fd = (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(path), FLAGS(O_PATH | O_DIRECTORY | O_CLOEXEC),
                     NUMBER(0));
  if (fd < 0) return fd;
  context->watch.root_fd = fd;
  return 0;
}

static int hold(struct context *context) {
  context->step = (uint16_t)context->ledger->step_of_init;
  /* The root of somebody else's container is theirs to keep, and not ours to see while the process is hidden. */
  int error = enters_held(context) ? 0 : hold_root(context);
  if (error < 0) return error;
  struct process_stat stat;
  error = process_stat_read(context->watch.pid, &stat);
  if (error < 0) return error;
  context->start_time = stat.start_time;
  /* From here on it no longer dies with us. */
  return watch_announce(&context->watch, stat.start_time);
}

/*
 * Waits until the link has something to say, or a pidfd that its process has ended. What is inside of a container can stop
 * a process that enters it, or have it read from a file system of its own making that never answers: nobody must wait for
 * that for ever. Returns 0 or -errno.
 */
static int await(struct context *context, int fd, uint64_t deadline) {
  for (;;) {
    uint64_t now = monotonic_now();
    struct pollfd polled[] = {{.fd = fd, .events = POLLIN}, {.fd = context->watch.listener_fd, .events = POLLIN}};
    int ready = poll(polled, 2, now >= deadline ? 0 : (int)((deadline - now) / 1000000u) + 1);
    /* The last steps are under the filter already: one that it refuses would wait for us while we wait for it. */
    if (ready > 0 && polled[1].revents) watch_answer(&context->watch, polled[1].revents);
    if (ready > 0 && polled[0].revents) return 0;
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready == 0 && monotonic_now() >= deadline) return -ETIMEDOUT;
  }
}

/* Whether the process, whose end of the link is closed, came to what it was made for. */
static bool arrived(const struct context *context) {
  if (context->ledger->failed) return false;
  if (context->ledger->settled) return true;
  /* A process that was killed closes its end as well; the kernel notes an execution before it closes anything for it. */
  struct process_stat stat;
  return process_stat_read(context->watch.pid, &stat) == 0 && stat.executed;
}

static void take_descriptor(int *place, int *received) {
  close_fd(place);
  *place = steal_fd(received);
}

/* The process goes on as a child of its own making, which is ours. Takes the descriptor. */
static int follow_fork(struct context *context, int *pidfd, uint64_t deadline) {
  struct watch *watch = &context->watch;
  if (*pidfd < 0) return -EBADF;
  int pid = process_of_pidfd(*pidfd);
  if (pid < 0) return pid;
  /* It writes to the ledger until it has ended. */
  int error = await(context, watch->pidfd, deadline);
  if (error < 0) return error;
  siginfo_t ended;
  while (waitid(P_PIDFD, (id_t)watch->pidfd, &ended, WEXITED) < 0) {
    if (errno != EINTR) return -errno;
  }
  take_descriptor(&watch->pidfd, pidfd);
  watch->pid = pid;
  return send_message(context->link_fd, MESSAGE_RELEASE);
}

/* Does what the new process asks for. Takes the descriptor that came with it. */
static int heed(struct context *context, int message, int *received, uint64_t deadline) {
  if (message == MESSAGE_TERMINAL) take_descriptor(&context->watch.terminal_fd, received);
  if (message == MESSAGE_LISTENER) take_descriptor(&context->watch.listener_fd, received);
  if (message == MESSAGE_FORKED) return follow_fork(context, received, deadline);
  if (message != MESSAGE_READY) return 0;
  int error = hold(context);
  return error == 0 ? send_message(context->link_fd, MESSAGE_GO) : error;
}

/* Lets the new process run and answers it until the link closes. Returns 0 or -errno, -ETIMEDOUT when it does not get on. */
static int accompany(struct context *context) {
  uint64_t patience = context->target_fd >= 0 || enters_held(context) ? ENTER_SECONDS : START_SECONDS;
  uint64_t deadline = monotonic_now() + patience * 1000000000u;
  int error = context->events == NULL ? 0 : watch_events(&context->watch, context->events);
  if (error == 0) error = send_message(context->link_fd, MESSAGE_RELEASE);
  while (error == 0) {
    error = await(context, context->link_fd, deadline);
    if (error < 0) break;
    AUTO_CLOSE int received = -1;
    int message = receive_message(context->link_fd, &received);
    if (message <= 0) {
      if (message < 0) return message;
      break;
    }
    error = heed(context, message, &received, deadline);
  }
  if (error < 0 || arrived(context)) return error;
  return context->ledger->failed ? -(int)context->ledger->error : -ESRCH;
}

static void undo(struct context *context) {
  struct watch *watch = &context->watch;
  close_fd(&context->link_fd);
  if (watch->pidfd >= 0) {
    siginfo_t ended;
    syscall(SYS_pidfd_send_signal, watch->pidfd, SIGKILL, NULL, 0);
    while (waitid(P_PIDFD, (id_t)watch->pidfd, &ended, WEXITED) < 0 && errno == EINTR) continue;
  }
  close_fd(&watch->root_fd);
  while (watch->cgroup_count > 0) remove_cgroup_patiently(watch->cgroups[--watch->cgroup_count]);
  cgroup_remove_empty(watch->shared_cgroups, watch->shared_cgroup_count);
  watch_discard(watch);
}

/* The monitor's steps. Returns 0 or -errno, with the step noted. */
static int run_own_steps(struct context *context) {
  for (uint16_t i = 0; i < context->plan->first_of_init; i++) {
    context->step = i;
    int error = step_run(context);
    if (error < 0) return error;
  }
  return 0;
}

enum launch_status launch(struct context *context) {
  const struct plan *plan = context->plan;
  bool starts = plan->clone != plan->count;
  /* Nobody watches a monitor that enters a container itself, where paths may lead to what never answers: SIGALRM ends it. */
  bool enters = !starts && plan_has(plan, STEP_SET_NAMESPACES);
  if (enters) {
    alarm(ENTER_SECONDS);
    umask(022); /* the zygote's is 077; what is made is the container's */
  }
  int error = run_own_steps(context);
  if (enters) alarm(0);
  if (error == 0 && starts) {
    error = accompany(context);
    context->step = (uint16_t)context->ledger->step_of_init;
  }
  if (error < 0) {
    ledger_fail(context->ledger, context->step, -error);
    undo(context);
    return LAUNCH_FAILED;
  }
  if (!starts) return LAUNCH_DONE;
  close_fd(&context->link_fd);
  close_fd(&context->target_fd);
  if (context->ledger->open_record != 0) {
    ledger_complete(context->ledger, (long)context->ledger->open_record - 1, 0, monotonic_now());
  }
  return LAUNCH_RUNNING;
}

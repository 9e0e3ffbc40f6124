#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "fd.h"
#include "steps.h"

/*
 * Joining namespaces at the clone. The monitor itself stays outside of all of them: a process between it and the new one
 * joins and clones, and then ends. The new process becomes the monitor's child all the same (CLONE_PARENT).
 */

/* What is inside may stop those that join its pid namespace: nobody must wait for that for ever. */
enum { JOIN_SECONDS = 10 };

static const uint32_t joinable = CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWPID |
                                 CLONE_NEWCGROUP | CLONE_NEWTIME;

int run_hold_namespaces(struct context *context, const struct step_hold_namespaces *step) {
  if (step->flags == 0 || step->flags & ~joinable || context->join_count == JOINS_MAX) return -EINVAL;
  int fd = open_process(context, (pid_t)step->pid, step->start_time);
  if (fd < 0) return fd;
  context->joins[context->join_count++] = (struct join){.process = fd, .flags = step->flags, .step = context->step};
  return 0;
}

int run_check_user_namespace(struct context *context, const struct step_check_user_namespace *step) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%u/ns/user", step->pid);
  struct stat own, other;
  if (stat("/proc/self/ns/user", &own) < 0 || stat(path, &other) < 0) return -errno;
  /* Afterwards: if it is still the one meant now, it was then. */
  AUTO_CLOSE int process = open_process(context, (pid_t)step->pid, step->start_time);
  if (process < 0) return process;
  return own.st_dev == other.st_dev && own.st_ino == other.st_ino ? 0 : -ESTALE;
}

/* Made at the clone, by who is in the joined namespaces. */
int run_prepare_mount(struct context *context, const struct step_prepare_mount *step) {
  (void)step;
  return context->join_count == 0 ? -EINVAL : 0;
}

int run_attach_prepared(struct context *context, const struct step_attach_prepared *step) {
  if (context->root_fd < 0 || context->attached_count == context->prepared_count) return -EINVAL;
  int *mount = &context->prepared[context->attached_count++];
  int error = place_new_mount(context, *mount, step->destination);
  close_fd(mount);
  return error;
}

static int wait_for(pid_t pid) {
  siginfo_t ended;
  while (waitid(P_PID, (id_t)pid, &ended, WEXITED) < 0) {
    if (errno != EINTR) return -errno;
  }
  return ended.si_code == CLD_EXITED ? 0 : -ESRCH;
}

/* Ends with whoever forked it, and keeps who is inside from looking at it: its memory is the zygote's. */
static int hide(struct context *context) {
  int error = die_with_monitor(context, true);
  if (error < 0) return error;
  return (int)CALL(context, prctl, NUMBER(PR_SET_DUMPABLE), NUMBER(0), HIDDEN(0), HIDDEN(0), HIDDEN(0));
}

/*
 * proc, sysfs and their like show the namespaces of who makes them, and may be made only by who owns those: a process
 * that is born in the joined ones, before any user namespace is entered.
 */
static int make_prepared(struct context *context) {
  int error = hide(context);
  long result = error < 0 ? error : CALL(context, unshare, FLAGS(CLONE_NEWNS));
  for (uint16_t i = 0; result >= 0 && i < context->plan->clone; i++) {
    const struct step *step = &context->plan->steps[i];
    if (step->code != STEP_PREPARE_MOUNT) continue;
    if (context->ledger->prepared_count == PREPARED_MAX) return -EINVAL;
    context->step = i;
    const struct step_mount mount = {
        .type = step->as.prepare_mount.type,
        .source = step->as.prepare_mount.source,
        .destination = "",
        .attributes = step->as.prepare_mount.attributes,
        .data = step->as.prepare_mount.data,
    };
    result = new_mount(context, &mount);
    /* Its number is good for who forked us: the descriptors are common. */
    if (result >= 0) context->ledger->prepared[context->ledger->prepared_count++] = (int)result;
  }
  return result < 0 ? (int)result : 0;
}

static int prepare_mounts(struct context *context) {
  if (!plan_has(context->plan, STEP_PREPARE_MOUNT)) return 0;
  struct clone_args args = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
  pid_t maker = (pid_t)CALL_FORK(context, clone3, HIDDEN(&args), HIDDEN(sizeof args), HOLDING_FLAGS(args.flags));
  if (maker < 0) return maker;
  if (maker == 0) {
    int error = make_prepared(context);
    if (error < 0) ledger_fail(context->ledger, context->step, -error);
    _exit(0);
  }
  int error = wait_for(maker);
  if (error < 0) return error;
  if (context->ledger->failed) return -(int)context->ledger->error;
  context->prepared_count = (int)context->ledger->prepared_count;
  for (int i = 0; i < context->prepared_count; i++) context->prepared[i] = context->ledger->prepared[i];
  return 0;
}

/* setns(2) to what of the held namespaces is in `mask`. */
static int join(struct context *context, uint32_t mask) {
  for (int i = 0; i < context->join_count; i++) {
    uint32_t flags = context->joins[i].flags & mask;
    if (flags == 0) continue;
    context->step = context->joins[i].step;
    long result = CALL(context, setns, DESCRIPTOR(context->joins[i].process), FLAGS(flags));
    if (result < 0) return (int)result;
  }
  return 0;
}

/* The user namespace last: it takes away the say over all others. */
static int join_all(struct context *context) {
  int error = join(context, ~(uint32_t)CLONE_NEWUSER);
  if (error == 0) error = prepare_mounts(context);
  return error < 0 ? error : join(context, CLONE_NEWUSER);
}

/* Waits for the one in between, which must not take for ever. */
static int await(struct context *context, int pidfd, pid_t pid) {
  uint64_t deadline = monotonic_now() + JOIN_SECONDS * 1000000000ull;
  struct pollfd polled = {.fd = pidfd, .events = POLLIN};
  int ready;
  do {
    uint64_t now = monotonic_now();
    ready = poll(&polled, 1, now >= deadline ? 0 : (int)((deadline - now) / 1000000u) + 1);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
  int error = wait_for(pid);
  if (ready == 0) return -ETIMEDOUT;
  if (context->ledger->failed) return -(int)context->ledger->error;
  return error;
}

long clone_joined(struct context *context, struct clone_args *args, const char *cgroup) {
  int pidfd = -1;
  struct clone_args between = {.flags = CLONE_PIDFD, .pidfd = (__u64)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
  pid_t pid = (pid_t)CALL_FORK(context, clone3, HIDDEN(&between), HIDDEN(sizeof between), HOLDING_FLAGS(between.flags));
  if (pid < 0) return pid;
  if (pid > 0) {
    int error = await(context, pidfd, pid);
    close(pidfd);
    if (error < 0) return error;
    return context->ledger->born == 0 ? -ESRCH : (long)context->ledger->born; /* 0 is for the new process alone */
  }
  int error = hide(context);
  if (error == 0) error = join_all(context);
  if (error == 0) {
    context->step = context->plan->clone;
    args->flags |= CLONE_PARENT;
    args->exit_signal = 0; /* of who is in between: SIGCHLD */
    long born = CALL_FORK(context, clone3, HIDDEN(args), HIDDEN(sizeof *args), HOLDING_FLAGS(args->flags),
                          HOLDING_TEXT(cgroup));
    if (born == 0) return 0;
    if (born < 0) error = (int)born;
    else context->ledger->born = (uint32_t)born;
  }
  if (error < 0) ledger_fail(context->ledger, context->step, -error);
  _exit(0);
}

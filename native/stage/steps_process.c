#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>

#include "call.h"
#include "fd.h"
#include "init.h"
#include "steps.h"

enum { SHOWN_ARGUMENTS = 16 };

/* The environment is passed and not recorded: it may hold secrets. */
static long execute_path(struct context *context, const struct step_execute *step, const char *path) {
  struct arg args[3 + SHOWN_ARGUMENTS] = {TEXT(path), HIDDEN(step->args.items), HIDDEN(step->env.items)};
  size_t count = 3;
  for (uint32_t i = 0; i < step->args.count && i < SHOWN_ARGUMENTS; i++) {
    args[count++] = (struct arg)HOLDING_TEXT(step->args.items[i]);
  }
  return call_for_good(context, "execve", SYS_execve, args, count);
}

/* As execvp(3): a path that is missing or not allowed does not end the search, and the refusal is the better error. */
static int try_paths(struct context *context, const struct step_execute *step) {
  int error = -ENOENT;
  for (uint32_t i = 0; i < step->paths.count; i++) {
    int result = (int)execute_path(context, step, step->paths.items[i]);
    if (result != -ENOENT && result != -ENOTDIR && result != -EACCES) return result;
    if (result == -EACCES) error = result;
  }
  return error;
}

/* Below PID 1 a command with a terminal is a job of its own, so that Ctrl-C reaches it once and not by way of both. */
static int come_to_foreground(struct context *context) {
  long result = CALL(context, setpgid, NUMBER(0), NUMBER(0));
  if (result < 0) return (int)result;
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  sigprocmask(SIG_BLOCK, &stop, &before);
  pid_t group = getpid();
  result = CALL(context, ioctl, DESCRIPTOR(0), FLAGS(TIOCSPGRP), HIDDEN(&group), HOLDING_NUMBER(group));
  sigprocmask(SIG_SETMASK, &before, NULL);
  return (int)result;
}

static _Noreturn void execute_below(struct context *context, const struct step_execute *step) {
  int error = context->has_terminal ? come_to_foreground(context) : 0;
  if (error == 0) error = try_paths(context, step);
  ledger_fail(context->ledger, context->step, -error);
  _exit(127);
}

/* Leaves only the standard streams open; the end of the link tells the monitor. */
static void settle(struct context *context) {
  int link = context->link_fd;
  context->ledger->settled = 1;
  context_forget(context);
  close_fd(&context->root_fd);
  close_fd(&context->null_fd);
  close_fd(&context->target_fd);
  close_fd(&link);
}

int run_execute(struct context *context, const struct step_execute *step) {
  if (step->args.count == 0) return -EINVAL;
  int error = hand_over(context);
  if (error < 0) return error;
  if (!step->supervise) return try_paths(context, step);
  init_hide(); /* the child is shown again by its execve */
  pid_t child = (pid_t)CALL_FORK(context, clone, FLAGS(SIGCHLD), HIDDEN(0), HIDDEN(0), HIDDEN(0), HIDDEN(0));
  if (child < 0) return child;
  if (child == 0) execute_below(context, step);
  init_block_signals();
  settle(context);
  init_supervise(child);
}

static int open_lease(struct context *context, const char *path) {
  return (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(path), FLAGS(O_RDONLY | O_NOFOLLOW | O_CLOEXEC),
                   NUMBER(0));
}

int run_use_lease(struct context *context, const struct step_use_lease *step) {
  AUTO_CLOSE int fd = open_lease(context, step->path);
  if (fd < 0) return fd;
  /* Refused where the one that had the lease ends just now. */
  int error = (int)CALL(context, flock, DESCRIPTOR(fd), FLAGS(LOCK_SH | LOCK_NB));
  if (error < 0) return error;
  close_fd(&context->watch.lease_fd);
  context->watch.lease_fd = steal_fd(&fd);
  return 0;
}

int run_lease(struct context *context, const struct step_lease *step) {
  int fd = open_lease(context, step->path);
  if (fd < 0) return fd;
  close_fd(&context->lease_fd);
  context->lease_fd = fd;
  return 0;
}

int run_stay_init(struct context *context) {
  int error = hand_over(context);
  if (error < 0) return error;
  init_hide();
  init_block_signals();
  settle(context);
  init_stay(context->lease_fd);
}

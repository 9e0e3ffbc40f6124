#define _GNU_SOURCE
#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "fd.h"
#include "trial.h"

pid_t trial_child(struct context *context, int flags) {
  pid_t child = (pid_t)CALL_FORK(context, clone, FLAGS(flags | SIGCHLD), HIDDEN(0), HIDDEN(0), HIDDEN(0), HIDDEN(0));
  if (child != 0) return child;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) _exit(125);
  for (;;) pause();
}

void trial_end_child(pid_t child) {
  kill(child, SIGKILL);
  while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR) continue;
}

static int use_pidfd(struct context *context, pid_t child) {
  AUTO_CLOSE int fd = (int)CALL(context, pidfd_open, NUMBER(child), FLAGS(0));
  if (fd < 0) return fd;
  long result = CALL(context, setns, DESCRIPTOR(fd), FLAGS(CLONE_NEWUTS));
  if (result == 0) result = CALL(context, pidfd_send_signal, DESCRIPTOR(fd), NUMBER(SIGKILL), HIDDEN(NULL), FLAGS(0));
  siginfo_t info;
  if (result == 0) {
    result = CALL(context, waitid, NUMBER(P_PIDFD), DESCRIPTOR(fd), HIDDEN(&info), FLAGS(WEXITED | WNOWAIT),
                  HIDDEN(NULL));
  }
  return (int)result;
}

int trial_pidfd(struct context *context) {
  pid_t child = trial_child(context, CLONE_NEWUTS);
  if (child < 0) return child;
  int error = use_pidfd(context, child);
  trial_end_child(child);
  return error;
}

int trial_ptrace(struct context *context) {
  pid_t child = trial_child(context, 0);
  if (child < 0) return child;
  long result = CALL(context, ptrace, FLAGS(PTRACE_SEIZE), NUMBER(child), HIDDEN(0), HIDDEN(0));
  trial_end_child(child);
  return (int)result;
}

int trial_keyring(struct context *context) {
  long result = CALL(context, keyctl, NUMBER(KEYCTL_JOIN_SESSION_KEYRING), HIDDEN(NULL), HIDDEN(0), HIDDEN(0),
                     HIDDEN(0));
  return result < 0 ? (int)result : 0; /* it ends with this process */
}

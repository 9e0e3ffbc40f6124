#define _GNU_SOURCE
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "title.h"

/* Blocked signals are kept for sigwaitinfo even by PID 1, for which those without a handler would be thrown away. */
static void waited_signals(sigset_t *set) {
  static const int of_the_program[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  sigfillset(set);
  for (size_t i = 0; i < sizeof of_the_program / sizeof *of_the_program; i++) sigdelset(set, of_the_program[i]);
}

void init_block_signals(void) {
  sigset_t set;
  waited_signals(&set);
  /* Ignored, children would be reaped without a word, and their status lost. */
  if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || sigprocmask(SIG_SETMASK, &set, NULL) < 0) _exit(125);
}

/*
 * This memory is a copy of the zygote's, with paths of the machine in it. Who holds the zygote's user namespace may look
 * at a process that is not dumpable (helper, monitors, whoever enters), the container may not.
 */
void init_hide(void) {
  if (prctl(PR_SET_DUMPABLE, 0) < 0) _exit(125);
}

/* Reaps all that have ended. Returns whether `child` was among them, with its wait status. */
static bool reap(pid_t child, int *status) {
  bool found = false;
  int one;
  pid_t pid;
  while ((pid = waitpid(-1, &one, WNOHANG)) > 0) {
    if (pid != child) continue;
    *status = one;
    found = true;
  }
  return found;
}

static _Noreturn void outstay(int lease_fd) {
  /* As PID 1 of others it is given their orphans: ignored, they are reaped by the kernel. */
  if (signal(SIGCHLD, SIG_IGN) == SIG_ERR) _exit(125);
  if (dup2(lease_fd, 3) < 0) _exit(125);
  close_range(4, ~0u, 0);
  while (flock(3, LOCK_EX) < 0) {
    if (errno != EINTR) _exit(125);
  }
  _exit(0);
}

_Noreturn void init_stay(int lease_fd) {
  sigset_t set;
  int status;
  waited_signals(&set);
  title_set("terrarium init");
  if (prctl(PR_SET_NAME, "init") < 0) _exit(125);
  if (lease_fd >= 0) outstay(lease_fd);
  close_range(3, ~0u, 0);
  for (;;) {
    siginfo_t info;
    reap(-1, &status);
    int number = sigwaitinfo(&set, &info);
    if (number == SIGTERM || number == SIGINT) _exit(0);
  }
}

_Noreturn void init_supervise(pid_t child) {
  sigset_t set;
  int status;
  waited_signals(&set);
  title_set("terrarium init");
  /* The other ends of the command's pipes, above all: it would never see the end of its input. */
  close_range(3, ~0u, 0);
  while (!reap(child, &status)) {
    siginfo_t info;
    int number = sigwaitinfo(&set, &info);
    /* The kernel has told the whole foreground process group of a terminal, so the child knows. */
    if (number <= 0 || number == SIGCHLD || info.si_code == SI_KERNEL) continue;
    kill(child, number);
  }
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

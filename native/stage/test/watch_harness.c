/*
 * Starts a command without any container and watches it, as a zygote's fork would: for test/kernel/monitor.
 *
 *   watch_harness DIRECTORY SOCKET LIMIT EVENTS CGROUPS terminal|pipes|stdin supervise|shared|stay|plain COMMAND…
 *
 * EVENTS may be empty; CGROUPS are parted by colons. The first process stands for the zygote: it prints the pids of
 * the monitor and of the command, and may be killed. The monitor prints nothing; its result is its exit status.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../init.h"
#include "../peer.h"
#include "../watch.h"

struct streams {
  int in, out, error;
};

static struct streams make_terminal(struct watch *watch) {
  watch->terminal_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (watch->terminal_fd < 0 || grantpt(watch->terminal_fd) < 0 || unlockpt(watch->terminal_fd) < 0) err(125, "ptmx");
  int peer = ioctl(watch->terminal_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (peer < 0) err(125, "TIOCGPTPEER");
  return (struct streams){peer, peer, peer};
}

static struct streams make_pipes(struct watch *watch, bool with_stdin) {
  int in[2], out[2], error[2];
  if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0) err(125, "pipe2");
  watch->stdout_fd = out[0];
  watch->stderr_fd = error[0];
  if (with_stdin) {
    watch->stdin_fd = in[1];
  } else {
    close(in[1]);
  }
  return (struct streams){in[0], out[1], error[1]};
}

static void make_session(struct streams streams, bool terminal) {
  if (setsid() < 0 || (terminal && ioctl(streams.in, TIOCSCTTY, 0) < 0)) err(125, "session");
}

static void become(struct streams streams, char **command) {
  if (dup2(streams.in, 0) < 0 || dup2(streams.out, 1) < 0 || dup2(streams.error, 2) < 0) err(125, "dup2");
  execvp(*command, command);
  err(125, "%s", *command);
}

/* PID 1 of a pid namespace of its own, if the test may make one. */
static void run(const char *init, struct streams streams, bool terminal, char **command) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  if (strcmp(init, "stay") == 0) {
    init_hide();
    init_block_signals();
    init_stay(-1);
  }
  bool shared = strcmp(init, "shared") == 0;
  if (shared || strcmp(init, "plain") == 0) make_session(streams, terminal);
  if (strcmp(init, "plain") == 0) become(streams, command);
  pid_t child = fork();
  if (child < 0) err(125, "fork");
  if (child == 0) {
    if (!shared) make_session(streams, terminal);
    become(streams, command);
  }
  init_hide();
  init_block_signals();
  init_supervise(child);
}

static int monitor(char **argv) {
  static const char *cgroups[16];
  struct watch watch = {.pidfd = -1, .terminal_fd = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1,
                        .directory_fd = -1, .listen_fd = -1, .events_fd = -1, .listener_fd = -1, .root_fd = -1,
                        .lease_fd = -1, .mounts_fd = -1, .left = {.user_fd = -1, .pid_fd = -1}, .cgroups = cgroups};
  /* Unless a test has put us into a user namespace, as a zygote would be: tests connect from ours. */
  if (getenv("TESTS_STAND_BESIDE")) peer_stands_outside();
  int result = watch_prepare(&watch, argv[1], argv[2], strtoull(argv[3], NULL, 10));
  if (result < 0) errx(124, "watch_prepare: %s", strerror(-result));
  for (char *at = strtok(argv[5], ":"); at && watch.cgroup_count < 16; at = strtok(NULL, ":"))
    cgroups[watch.cgroup_count++] = at;
  bool terminal = strcmp(argv[6], "terminal") == 0;
  struct streams streams = terminal ? make_terminal(&watch) : make_pipes(&watch, strcmp(argv[6], "stdin") == 0);
  result = watch_events(&watch, argv[4]);
  if (result < 0) {
    watch_discard(&watch);
    errx(123, "watch_events: %s", strerror(-result));
  }
  int own = strcmp(argv[7], "plain") == 0 ? 0 : CLONE_NEWUSER | CLONE_NEWPID;
  watch.pid = (pid_t)syscall(SYS_clone, own | SIGCHLD, NULL, NULL, NULL, NULL);
  if (watch.pid < 0) err(125, "clone");
  if (watch.pid == 0) run(argv[7], streams, terminal, argv + 8);
  watch.pidfd = (int)syscall(SYS_pidfd_open, watch.pid, 0);
  close(streams.in);
  if (streams.out != streams.in) close(streams.out);
  if (streams.error != streams.in) close(streams.error);
  printf("%d %d\n", (int)getpid(), (int)watch.pid);
  fflush(stdout);
  result = watch_run(&watch);
  return result < 0 ? 122 : 0;
}

int main(int argc, char **argv) {
  if (argc < 9) errx(2, "usage: watch_harness DIRECTORY SOCKET LIMIT EVENTS CGROUPS STREAMS INIT COMMAND…");
  pid_t child = fork();
  if (child < 0) err(125, "fork");
  if (child == 0) {
    /* As the zygote has it: the monitor must not rely on better. */
    signal(SIGCHLD, SIG_IGN);
    int result = monitor(argv);
    _exit(result);
  }
  int status;
  if (waitpid(child, &status, 0) < 0) err(125, "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

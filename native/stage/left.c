#define _GNU_SOURCE
#include "left.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "process_stat.h"

enum {
  PAUSE_MS = 10,   /* between looks, while what was killed is dying */
  STILL_MS = 500,  /* then it forks faster than we look */
  REST_MS = 100,   /* between looks for which neighbours are stopped as well */
  TOTAL_MS = 5000,
  STOP_MS = 100,   /* for one call of kill(2) */
  NOTED_MAX = 1024 /* processes that are told apart while all are stopped */
};

/* Ascending, as /proc lists them. */
struct pids {
  size_t count;
  pid_t items[NOTED_MAX];
};

enum whose { OTHERS, NEIGHBOURS, OURS };

static uint64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool is_same(int one, int other) {
  struct stat a, b;
  return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Whether a process's namespace is that one or below it: ioctl_nsfs(2). Not when we may not look, or it is gone. */
static bool is_within(pid_t pid, const char *type, int ancestor) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, type);
  AUTO_CLOSE int at = open(path, O_RDONLY | O_CLOEXEC);
  while (at >= 0) {
    if (is_same(at, ancestor)) return true;
    int parent = ioctl(at, NS_GET_PARENT);
    close(at);
    at = parent; /* EPERM: above ours */
  }
  return false;
}

static enum whose whose_is(const struct left *left, pid_t pid) {
  if (!is_within(pid, "pid", left->pid_fd)) return OTHERS;
  return is_within(pid, "user", left->user_fd) ? OURS : NEIGHBOURS;
}

/* Readable once it has ended: then only its parent is missing, who is to wait for it. */
static bool has_ended(int pidfd) {
  struct pollfd polled = {.fd = pidfd, .events = POLLIN};
  return poll(&polled, 1, 0) > 0;
}

static int send_signal(int pidfd, int number) { return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0); }

static void close_directory(DIR **directory) {
  if (*directory) closedir(*directory);
}

static bool contains(const struct pids *pids, pid_t pid) {
  size_t i = 0;
  while (i < pids->count && pids->items[i] != pid) i++;
  return i < pids->count;
}

/* A process that was found: ours, or a neighbour. The pidfd is of no other, for it was opened first. */
typedef void visitor(void *state, pid_t pid, int pidfd, enum whose whose);

/* Looks at every process once. Returns 0 or -errno. */
static int look(const struct left *left, visitor *visit, void *state) {
  __attribute__((cleanup(close_directory))) DIR *directory = opendir("/proc");
  if (directory == NULL) return -errno;
  for (struct dirent *entry; (entry = readdir(directory));) {
    pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
    AUTO_CLOSE int pidfd = pid <= 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    enum whose whose = pidfd < 0 ? OTHERS : whose_is(left, pid);
    if (whose != OTHERS && !has_ended(pidfd)) visit(state, pid, pidfd, whose);
  }
  return 0;
}

static void kill_ours(void *state, pid_t pid, int pidfd, enum whose whose) {
  int *found = state;
  (void)pid;
  if (whose != OURS) return;
  send_signal(pidfd, SIGKILL);
  ++*found;
}

static void note_stopped(void *state, pid_t pid, int pidfd, enum whose whose) {
  struct pids *stopped = state;
  struct process_stat stat;
  (void)pidfd;
  if (whose == NEIGHBOURS && stopped->count < NOTED_MAX && process_stat_read(pid, &stat) == 0 && stat.stopped)
    stopped->items[stopped->count++] = pid;
}

static void note_neighbours(void *state, pid_t pid, int pidfd, enum whose whose) {
  struct pids *neighbours = state;
  if (whose != NEIGHBOURS) return;
  if (neighbours->count < NOTED_MAX) neighbours->items[neighbours->count++] = pid;
  else send_signal(pidfd, SIGCONT);
}

static int kill_found(const struct left *left) {
  int found = 0;
  int error = look(left, kill_ours, &found);
  return error < 0 ? error : found;
}

/*
 * One kill(2) from within the pid namespace. It reaches all but its PID 1 at once, and who is forked meanwhile, too: no
 * storm of forks is quicker. What is inside may stop or kill the process that does it, so nobody waits for that for ever.
 */
static int signal_all(const struct left *left, int number) {
  if (setns(left->pid_fd, CLONE_NEWPID) < 0) return -errno; /* counts for children only */
  pid_t pid = fork();
  if (pid < 0) return -errno;
  if (pid == 0) {
    /* Its memory is the zygote's. */
    if (prctl(PR_SET_DUMPABLE, 0) < 0) _exit(1);
    _exit(kill(-1, number) < 0 ? 1 : 0);
  }
  AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  struct pollfd polled = {.fd = pidfd, .events = POLLIN};
  int ended = pidfd < 0 ? 0 : poll(&polled, 1, STOP_MS);
  if (ended <= 0) kill(pid, SIGKILL);
  int status;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -errno;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECANCELED;
}

/* Children before parents: a shell that runs again while its job stands still would take it for stopped. */
static void resume(const struct left *left, const struct pids *stopped) {
  static struct pids now;
  now.count = 0;
  (void)look(left, note_neighbours, &now);
  for (size_t i = now.count; i-- > 0;) {
    AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, now.items[i], 0);
    if (pidfd < 0 || contains(stopped, now.items[i]) || whose_is(left, now.items[i]) != NEIGHBOURS) continue;
    send_signal(pidfd, SIGCONT);
  }
}

/*
 * Kills what it finds. Returns how many had not ended yet, or -errno. A look at all processes may be too slow for some that
 * fork and end all the time: with `still` everything in the pid namespace is stopped meanwhile. Others than the process's go
 * on afterwards, unless they stood still before.
 */
static int kill_left(const struct left *left, bool still) {
  if (!still) return kill_found(left);
  static struct pids stopped;
  stopped.count = 0;
  int error = look(left, note_stopped, &stopped);
  if (error < 0) return error;
  /* When it is refused, or not all of it came about: what is found is killed, and the next look is another try. */
  (void)signal_all(left, SIGSTOP);
  int found = kill_found(left);
  resume(left, &stopped);
  return found;
}

void left_end(const struct left *left) {
  if (left->pid_fd < 0) return;
  int empty = 0;
  for (uint64_t begin = monotonic_ms(), spent = 0; spent < TOTAL_MS; spent = monotonic_ms() - begin) {
    bool still = spent >= STILL_MS;
    empty = kill_left(left, still) == 0 ? empty + 1 : 0;
    /* Where pids begin anew, one look may miss who is forked behind it. */
    if (empty == 2) return;
    if (empty == 1) continue;
    const struct timespec pause = {.tv_nsec = (still ? REST_MS : PAUSE_MS) * 1000000L};
    nanosleep(&pause, NULL);
  }
}

/* The monitor: what a fork of the zygote does once the process it launched runs. */
#ifndef TERRARIUM_WATCH_H
#define TERRARIUM_WATCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "left.h"

/* One watched process. Descriptors are -1 when absent; all are O_CLOEXEC. */
struct watch {
  pid_t pid;
  int pidfd;
  int terminal_fd; /* master of the process's pty */
  int stdin_fd;    /* our ends of its pipes */
  int stdout_fd;
  int stderr_fd;
  int directory_fd; /* gets exit.json, output, output.old */
  int listen_fd;    /* the attach socket */
  int events_fd;    /* memory.events (v2) or memory.oom_control (v1) */
  int listener_fd;  /* of its seccomp filter: calls that we are to refuse */
  int root_fd;      /* the process's root: its overlay must not be unmounted, and synced, before we end */
  int mounts_fd;    /* mountinfo of the process, while somebody wants to hear when it changes */
  int lease_fd;     /* locked for others who wait until we have ended */
  struct left left; /* where the process leaves others running */
  unsigned long long events_base;  /* oom_kill counter at the start */
  unsigned long long output_limit; /* bytes at which `output` is rotated */
  const char *socket_path;
  const char *const *cgroups; /* made by the plan, in the order of making */
  size_t cgroup_count;
  const char *const *shared_cgroups; /* go with the others when nothing is left in them; NULL: none */
  size_t shared_cgroup_count;
};

/*
 * Opens directory, log files and attach socket. The strings must outlive the watch. Returns 0 or -errno; after an
 * error nothing is left behind.
 */
int watch_prepare(struct watch *watch, const char *directory, const char *socket_path,
                  unsigned long long output_limit);

/* Opens the cgroup's event file and notes its oom_kill counter, once the cgroup is there. Returns 0 or -errno. */
int watch_events(struct watch *watch, const char *events_path);

/* Where refused calls are counted, from now on. The string must outlive the watch. */
void watch_denied(const char *path);

/* Answers calls that wait at the listener; `revents`: what poll(2) said of it. */
void watch_answer(struct watch *watch, short revents);

/* Leaves word of the process for who finds it without its monitor. Returns 0 or -errno. */
int watch_announce(const struct watch *watch, uint64_t start_time);

/* The monitor's loop. Returns when the process has ended and everything is written and told; the caller exits. */
int watch_run(struct watch *watch);

/* Undoes watch_prepare after a failed launch: unlinks the socket, removes and closes what was made. */
void watch_discard(struct watch *watch);

#endif

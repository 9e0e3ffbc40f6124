/*
 * Kills for memory in a cgroup of v1, as they happen. v2 tells of them by inotify on memory.events; v1 by eventfd alone, so
 * the monitor keeps a file of that name in the run's directory, which can be watched in the same way.
 */
#ifndef TERRARIUM_OOM_NOTICE_H
#define TERRARIUM_OOM_NOTICE_H

#include <stdint.h>

struct oom_notice {
  int event_fd; /* -1: there is nothing to wait for, as with v2 */
  int file_fd;
  int counter_fd; /* memory.oom_control; not ours to close */
  unsigned long long told;
  uint64_t look_at; /* CLOCK_MONOTONIC ms; 0: nothing has happened */
  uint64_t look_until;
  uint64_t pause;
};

/* The `oom_kill` counter of memory.events or memory.oom_control. Returns 0 or -errno. */
int oom_read_kills(int fd, unsigned long long *kills);

/*
 * Has the kernel tell of kills, when `path` is a memory.oom_control, and begins the file with `kills`. Returns 0 or -errno,
 * having left nothing behind.
 */
int oom_notice_open(struct oom_notice *notice, int directory_fd, const char *path, int counter_fd,
                    unsigned long long kills);

void oom_notice_discard(struct oom_notice *notice, int directory_fd);

/* The kernel has told: now, and for a while, the counter is worth a look. */
void oom_notice_begin(struct oom_notice *notice, uint64_t now);

/* What is due by `look_at`. */
void oom_notice_look(struct oom_notice *notice, uint64_t now);

#endif

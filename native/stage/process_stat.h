/* What identifies a process beside its pid: see proc_pid_stat(5). */
#ifndef TERRARIUM_PROCESS_STAT_H
#define TERRARIUM_PROCESS_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_stat {
  uint64_t start_time; /* field 22, clock ticks since boot */
  bool executed;       /* field 9: it has executed a program since it was forked */
  bool stopped;        /* field 3: by a signal */
};

/* Parses the text of /proc/PID/stat. False for what is none. */
bool process_stat_parse(const char *text, struct process_stat *stat);

/* Reads it for a process, alive or not yet reaped. Returns 0 or -errno. */
int process_stat_read(pid_t pid, struct process_stat *stat);

/* The pid that a pidfd stands for, in the pid namespace of /proc. -ESRCH once it is reaped. */
pid_t process_of_pidfd(int pidfd);

#endif

/* `exit.json`: how the process ended. */
#ifndef TERRARIUM_EXIT_RECORD_H
#define TERRARIUM_EXIT_RECORD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_exit {
  uint32_t code;   /* 128 + signal when a signal ended it */
  uint32_t signal; /* 0: none */
  bool oom_killed;
};

struct exit_record {
  int directory_fd; /* not ours to close */
  int fd;           /* of the temporary file, -1: none */
  pid_t pid;
  uint64_t start_time;   /* clock ticks since boot */
  uint64_t output_start; /* offset of the run's first frame in the log */
};

/*
 * Writes a placeholder, so that a disk that is full later has room for the record, and sets an earlier run's record
 * aside. Returns 0 or -errno.
 */
int exit_record_reserve(struct exit_record *record, int directory_fd);

/* Removes the placeholder and puts the earlier record back. */
void exit_record_discard(struct exit_record *record);

/*
 * Says in the placeholder whose record it will be, before anybody was answered: who finds it without its monitor knows
 * which process to end. Returns 0 or -errno.
 */
int exit_record_announce(const struct exit_record *record, pid_t pid, uint64_t start_time);

/* Notes whose record it will be; the earlier one is not needed any more. Returns 0 or -errno. */
int exit_record_begin(struct exit_record *record, pid_t pid, uint64_t output_start);

/* Fills the placeholder and renames it. May be tried again after an error. Returns 0 or -errno. */
int exit_record_write(struct exit_record *record, const struct process_exit *how);

/* fsync of the record and its directory, which may take long. Returns 0 or -errno. */
int exit_record_sync(struct exit_record *record);

#endif

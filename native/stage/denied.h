/*
 * Calls that a filter hands to the monitor to be refused: seccomp_unotify(2). Each is answered at once with EPERM, as the filter
 * itself would have, and counted by call and program in a file.
 *
 * Never SECCOMP_USER_NOTIF_FLAG_CONTINUE: what an argument points to may be another thing by the time the kernel looks.
 */
#ifndef TERRARIUM_DENIED_H
#define TERRARIUM_DENIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DENIED_KINDS = 128, DENIED_PROGRAM = 16 };

struct denied {
  const char *path; /* NULL: only answered */
  struct denied_kind {
    int call;
    char program[DENIED_PROGRAM]; /* its comm, chosen by itself */
    uint64_t count;
  } kinds[DENIED_KINDS];
  size_t used;
  uint64_t others; /* for which there was no room: names of programs are theirs to invent */
  bool changed;
  uint64_t write_at; /* CLOCK_MONOTONIC ms; not before */
};

/*
 * Answers what waits at the listener, a few at a time. Closes it when nobody is left under the filter, or it answers no more.
 * `revents`: what poll(2) said of it.
 */
void denied_answer(struct denied *denied, int *listener_fd, short revents);

/* Writes the file, if there is news and it is time. On a full disk it is tried again. */
void denied_write(struct denied *denied, uint64_t now);

#endif

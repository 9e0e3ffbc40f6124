/* What attached clients do to the process: input, end of input, size of the terminal, signals. */
#ifndef TERRARIUM_PROCESS_INPUT_H
#define TERRARIUM_PROCESS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frame.h"

struct process_input {
  int pidfd;
  int terminal_fd;     /* master, or -1 */
  int stdin_fd;        /* write end of its pipe, or -1; closed at the end of input */
  bool within_line;    /* the last byte of input was not a newline */
  bool end_half_given; /* the first of two end-of-file characters is written */
};

/* Bytes taken (all of them when nobody can read them any more), or -EAGAIN: the process does not read. */
ssize_t input_write(struct process_input *input, const void *bytes, size_t size);

/* Closes the pipe, or writes the terminal's end-of-file character. Returns 0, or -EAGAIN: to be tried again. */
int input_end(struct process_input *input);

/* Sets the terminal's size; a size of 0 and a process without terminal are ignored. Returns 0 or -errno. */
int input_resize(const struct process_input *input, struct resize size);

/* Sends a signal. Returns 0 or -errno. */
int input_signal(const struct process_input *input, uint32_t number);

/* The descriptor that a process which does not read blocks, or -1. */
int input_fd(const struct process_input *input);

#endif

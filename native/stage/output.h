/* The log of a process's output: `output` and, after a rotation, `output.old`. Offsets count the stream of frames. */
#ifndef TERRARIUM_OUTPUT_H
#define TERRARIUM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frame.h"

struct output_file {
  int fd; /* -1: none */
  uint64_t base;
  uint64_t end; /* offset behind the last whole frame */
};

struct output {
  int directory_fd; /* not ours to close */
  uint64_t limit;   /* bytes of one file */
  uint64_t start;   /* where this run began: an earlier one may have left output before it */
  uint64_t lost;    /* bytes of output that the disk refused since the last frame */
  struct output_file old;
  struct output_file current;
};

/* Opens the log for a new run, behind what earlier runs left. `limit` is at least 64 KiB. Returns 0 or -errno. */
int output_open(struct output *output, int directory_fd, uint64_t limit);

/* Opens, to be read only, the log of a run that has ended and had begun at `start`. Returns 0 or -errno. */
int output_open_kept(struct output *output, int directory_fd, uint64_t start);

void output_close(struct output *output);

/*
 * Appends a frame of at most FRAME_PAYLOAD_MAX bytes, after a gap frame when earlier ones were lost. `rotate` false lets
 * the file grow beyond its limit. Returns 0 or -errno: then it may be tried again, or its bytes added to `lost`.
 */
int output_append(struct output *output, const struct frame_header *header, const void *payload, bool rotate);

/* Whether a full frame would rotate the file, and so drop the older one. */
bool output_near_limit(const struct output *output);

/* Oldest offset of this run that can still be read. */
uint64_t output_oldest(const struct output *output);

/* Bytes from `offset` on, none beyond a file's end: a count, or -errno. */
ssize_t output_read(const struct output *output, uint64_t offset, void *buffer, size_t size);

/* Where the first frame at or behind `offset` begins, within this run; the end when that cannot be read. */
uint64_t output_boundary(const struct output *output, uint64_t offset);

#endif

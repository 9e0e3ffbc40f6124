/*
 * The ledger: what was done, one record per system call (format: docs/stage.md, "A request").
 *
 * It lies in memory that monitor and init share. They never write at once: the monitor writes before the clone and
 * while init waits for it, so no lock is needed. Nothing here allocates, for after a clone nothing may.
 */
#ifndef TERRARIUM_LEDGER_H
#define TERRARIUM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEDGER_BYTES = 256 * 1024, LEDGER_TEXT_LIMIT = 1024 };
enum { PREPARED_MAX = 4 };
enum arg_kind { ARG_NUMBER, ARG_FLAGS, ARG_TEXT, ARG_DESCRIPTOR };

/* An argument of a system call. Structures are passed but not shown; their fields may be shown but not passed. */
struct arg {
  uint8_t kind;
  bool passed;
  bool shown;
  long value;
};

struct ledger {
  /* Set once by whoever fails first. */
  uint32_t failed;
  uint32_t failed_step;
  uint32_t error; /* positive errno */
  uint32_t used;
  uint32_t dropped;
  uint32_t step_of_init; /* the one the new process is at: it may be killed in the middle */
  /* Offset + 1 of the record of a call that does not return when it succeeds (execve), 0 for none. */
  uint32_t open_record;
  /* A PID 1 of ours stays: that it executed nothing is no failure. */
  uint32_t settled;
  /* Of the process between monitor and new one, where namespaces are joined: the pid of the new one, and its mounts. */
  uint32_t born;
  uint32_t prepared_count;
  int prepared[PREPARED_MAX];
  uint8_t bytes[LEDGER_BYTES];
};

struct record {
  uint16_t step;
  uint8_t actor; /* enum step_actor: monitor or init */
  const char *name;
  const struct arg *args;
  size_t arg_count;
  int64_t result; /* -errno on failure */
  uint64_t start; /* CLOCK_MONOTONIC, ns */
  uint64_t duration;
};

/* Maps an empty ledger that children share. NULL with errno set on failure. */
struct ledger *ledger_map(void);
void ledger_unmap(struct ledger *ledger);

/* Appends a record. Returns its offset, or -1 when it did not fit and was counted as dropped. */
long ledger_append(struct ledger *ledger, const struct record *record);

/* Completes a record made before its call: see open_record. */
void ledger_complete(struct ledger *ledger, long offset, int64_t result, uint64_t end);

/* Notes the failure that ends the plan. */
void ledger_fail(struct ledger *ledger, uint32_t step, int error);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t monotonic_now(void);

#endif

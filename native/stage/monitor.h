/* What watch.c and watch_prepare.c share of the one monitor that this process is. */
#ifndef TERRARIUM_MONITOR_H
#define TERRARIUM_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "attach_server.h"
#include "denied.h"
#include "exit_record.h"
#include "oom_notice.h"
#include "output.h"
#include "process_input.h"
#include "watch.h"

/* One fork of the zygote watches one process. */
extern struct monitor {
  struct output output;
  struct exit_record record;
  struct process_input input;
  struct attach_server server;
  struct process_exit how;
  struct oom_notice oom;
  struct denied denied;
  uint64_t hangup_until; /* CLOCK_MONOTONIC ms, as all times here; 0: none */
  uint64_t accept_until;
  uint64_t mounts_until;
  uint64_t ended_at;
  uint64_t cgroups_at; /* next attempt, 0: done */
  uint64_t record_at;
  bool synced;
  /* A frame read from the process; with no bytes it has found its place. */
  struct frame_header header;
  char payload[FRAME_PAYLOAD_MAX];
} monitor;

/* Leaves behind what the zygote was, and gets ready to poll. Returns 0, or the first -errno having done what it could. */
int monitor_begin(const struct watch *watch);

#endif

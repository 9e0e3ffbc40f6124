/* What the steps of one plan share, in the monitor and, as a copy, in the new process. */
#ifndef TERRARIUM_CONTEXT_H
#define TERRARIUM_CONTEXT_H

#include <stdbool.h>
#include <sys/types.h>

#include "decode.h"
#include "ledger.h"
#include "watch.h"

struct context {
  struct ledger *ledger;
  const struct plan *plan;
  uint16_t step; /* index of the one being executed */
  uint8_t actor;

  /* Between monitor and new process (SOCK_SEQPACKET); it closes on exec, which is how success is known. */
  int link_fd;
  /* Set by setRoot: paths are resolved inside it from then on. */
  int root_fd;
  /* A mount of the host's /dev/null, made before the root is left (CVE-2025-31133). */
  int null_fd;
  /* The process whose namespaces the new one enters: in its pid namespace this pid would name another. */
  int target_fd;

  /* Of the monitor only. */
  const char *events;
  int child_stdin, child_stdout, child_stderr;
  bool map_ids;
  struct watch watch;

  /* Of the new process only. */
  bool own_umask;    /* setIds has set it */
  bool has_terminal; /* standard streams are a pty and its controlling terminal */
  bool handed_over;  /* the monitor has been told that only giving up privileges and exec are left */
};

#endif

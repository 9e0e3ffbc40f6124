/* What the steps of one plan share, in the monitor and, as a copy, in the new process. */
#ifndef TERRARIUM_CONTEXT_H
#define TERRARIUM_CONTEXT_H

#include <stdbool.h>
#include <sys/types.h>

#include "decode.h"
#include "ledger.h"
#include "watch.h"

enum { JOINS_MAX = 8 };

/* Some namespaces of a process: holdNamespaces. */
struct join {
  int process; /* pidfd */
  uint32_t flags;
  uint16_t step;
};
enum { HELD = 16 };

struct context {
  struct ledger *ledger;
  const struct plan *plan;
  const void *received; /* the plan's bytes, mapped */
  size_t received_size;
  uint16_t step; /* index of the one being executed */
  uint8_t actor;

  /* Between monitor and new process (SOCK_SEQPACKET); it closes on exec, which is how success is known. */
  int link_fd;
  /* Set by setRoot: paths are resolved inside it from then on. */
  int root_fd;
  /* A mount of the host's /dev/null, made before the root is left (CVE-2025-31133). */
  int null_fd;
  bool null_attached;
  /* Of cloneMount and createMount, until attachMount. */
  int mount_fd;
  /* Joined at the clone, by a process in between. */
  struct join joins[JOINS_MAX];
  int join_count;
  /* Mounts that it made in them, until attachPrepared. */
  int prepared[PREPARED_MAX];
  int prepared_count;
  int attached_count;
  /* Of openNamespace and openRoot, by slot. */
  int held_fds[HELD];
  /* The process whose namespaces the new one enters: in its pid namespace this pid would name another. */
  int target_fd;
  /* Of `lease`: a process that stays ends when nobody else has it locked; or -1. */
  int lease_fd;

  /* Of the monitor only. */
  const char *events; /* path of the cgroup's event file, or NULL */
  const char **made_cgroups; /* room for one per makeCgroup; watch.cgroup_count are there */
  int child_streams[3]; /* what becomes its standard streams */
  uint64_t start_time; /* of the new process, clock ticks since boot */
  struct watch watch;

  /* Of the new process only. */
  bool own_umask;    /* setIds has set it */
  bool has_terminal; /* standard streams are a pty and its controlling terminal */
  bool handed_over;  /* the monitor has been told that only giving up privileges and exec are left */
};

/* Whether the plan enters what somebody else may have made, where less can be taken for granted. */
static inline bool enters_held(const struct context *context) { return plan_has(context->plan, STEP_OPEN_NAMESPACE); }

/* Unmaps ledger and plan: a PID 1 that stays must not hold for its container to read how it was made. */
void context_forget(struct context *context);

#endif

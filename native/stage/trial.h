/* Trials of the doctor: each makes some calls for real, undoes what outlives them, and answers 0 or -errno. */
#ifndef TERRARIUM_TRIAL_H
#define TERRARIUM_TRIAL_H

#include "context.h"

/* trial_process.c. A child that does nothing until it is killed; `flags`: its namespaces (CLONE_NEW*). */
pid_t trial_child(struct context *context, int flags);
/* Kills and reaps it, however far the trial came. Not recorded. */
void trial_end_child(pid_t child);
int trial_pidfd(struct context *context);
int trial_ptrace(struct context *context);
int trial_keyring(struct context *context);

/* trial_seccomp.c */
int trial_seccomp_notify(struct context *context);

/* trial_mount.c */
int trial_idmapped_mount(struct context *context);

/* trial_network.c: in a network namespace of the process's own. */
int trial_veth(struct context *context);
int trial_bridge(struct context *context);
int trial_masquerade(struct context *context);
int trial_netem(struct context *context);
int trial_low_port(struct context *context);
int trial_ping(struct context *context);

#endif

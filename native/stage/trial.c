#include "trial.h"

#include <errno.h>
#include <string.h>

#include "steps.h"

static const struct {
  const char *name;
  int (*run)(struct context *context);
} trials[] = {
    {"pidfd", trial_pidfd},
    {"ptrace", trial_ptrace},
    {"keyring", trial_keyring},
    {"seccompNotify", trial_seccomp_notify},
    {"idmappedMount", trial_idmapped_mount},
    {"veth", trial_veth},
    {"bridge", trial_bridge},
    {"masquerade", trial_masquerade},
    {"netem", trial_netem},
    {"lowPort", trial_low_port},
    {"ping", trial_ping},
};

int run_trial(struct context *context, const struct step_trial *step) {
  for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) {
    if (strcmp(trials[i].name, step->name) == 0) return trials[i].run(context);
  }
  return -EBADMSG;
}

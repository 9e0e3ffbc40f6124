#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "call.h"
#include "fd.h"
#include "link.h"
#include "steps.h"

enum { CAPABILITIES = 64 };

int run_set_rlimit(struct context *context, const struct step_set_rlimit *step) {
  struct rlimit limit = {.rlim_cur = step->soft, .rlim_max = step->hard};
  return (int)CALL(context, prlimit64, NUMBER(0), NUMBER(step->resource), HIDDEN(&limit), HOLDING_NUMBER(step->soft),
                   HOLDING_NUMBER(step->hard), HIDDEN(NULL));
}

int run_set_dumpable(struct context *context, const struct step_set_dumpable *step) {
  return (int)CALL(context, prctl, NUMBER(PR_SET_DUMPABLE), NUMBER(step->value), HIDDEN(0), HIDDEN(0), HIDDEN(0));
}

int run_limit_bounding_set(struct context *context, const struct step_limit_bounding_set *step) {
  for (int capability = 0; capability < CAPABILITIES; capability++) {
    if (step->keep >> capability & 1) continue;
    /* Those that this kernel does not know yet are none to drop. */
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0) break;
    long result = CALL(context, prctl, NUMBER(PR_CAPBSET_DROP), NUMBER(capability), HIDDEN(0), HIDDEN(0), HIDDEN(0));
    if (result < 0) return (int)result;
  }
  return 0;
}

/*
 * /dev/stdout and its like open the stream anew, which only its owner may; one that belongs to us here is ours to
 * give away. Those of the machine (/dev/null) are left alone.
 */
static int give_streams(struct context *context, uid_t uid) {
  for (int fd = 0; fd <= 2; fd++) {
    struct stat stat;
    if (fstat(fd, &stat) < 0) return -errno;
    if (stat.st_uid == uid || !(S_ISFIFO(stat.st_mode) || context->has_terminal)) continue;
    long result = CALL(context, fchown, DESCRIPTOR(fd), NUMBER(uid), NUMBER(-1));
    /* In a user namespace of somebody else's the owner may have no number, or the terminal be the machine's. */
    if (result == -EPERM && enters_held(context)) continue;
    if (result < 0) return (int)result;
  }
  return 0;
}

int run_set_ids(struct context *context, const struct step_set_ids *step) {
  long result = give_streams(context, step->uid);
  size_t groups = step->groups.length / sizeof(gid_t);
  if (result == 0 && step->setgroups) {
    if (groups > NGROUPS_MAX || step->groups.length % sizeof(gid_t) != 0) return -EINVAL;
    result = CALL(context, setgroups, NUMBER(groups), HIDDEN(step->groups.data));
  }
  if (result == 0 && step->keep_capabilities) {
    result = CALL(context, prctl, NUMBER(PR_SET_KEEPCAPS), NUMBER(1), HIDDEN(0), HIDDEN(0), HIDDEN(0));
  }
  if (result == 0) result = CALL(context, setresgid, NUMBER(step->gid), NUMBER(step->gid), NUMBER(step->gid));
  if (result == 0) result = CALL(context, setresuid, NUMBER(step->uid), NUMBER(step->uid), NUMBER(step->uid));
  if (result < 0) return (int)result;
  CALL(context, umask, FLAGS(step->umask & 0777));
  context->own_umask = true;
  return context->handed_over ? 0 : die_with_monitor(context, true);
}

int run_set_capabilities(struct context *context, const struct step_set_capabilities *step) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    data[i].effective = (__u32)(step->effective >> (32 * i));
    data[i].permitted = (__u32)(step->permitted >> (32 * i));
    data[i].inheritable = (__u32)(step->inheritable >> (32 * i));
  }
  long result = CALL(context, capset, HIDDEN(&header), HIDDEN(data), HOLDING_FLAGS(step->effective),
                     HOLDING_FLAGS(step->permitted), HOLDING_FLAGS(step->inheritable));
  if (result == 0) {
    result = CALL(context, prctl, NUMBER(PR_CAP_AMBIENT), NUMBER(PR_CAP_AMBIENT_CLEAR_ALL), HIDDEN(0), HIDDEN(0),
                  HIDDEN(0));
  }
  for (int capability = 0; capability < CAPABILITIES && result == 0; capability++) {
    if ((step->ambient >> capability & 1) == 0) continue;
    result = CALL(context, prctl, NUMBER(PR_CAP_AMBIENT), NUMBER(PR_CAP_AMBIENT_RAISE), NUMBER(capability), HIDDEN(0),
                  HIDDEN(0));
  }
  return (int)result;
}

int run_set_no_new_privileges(struct context *context) {
  return (int)CALL(context, prctl, NUMBER(PR_SET_NO_NEW_PRIVS), NUMBER(1), HIDDEN(0), HIDDEN(0), HIDDEN(0));
}

int run_install_seccomp(struct context *context, const struct step_install_seccomp *step) {
  size_t instructions = step->filter.length / sizeof(struct sock_filter);
  if (instructions == 0 || instructions > BPF_MAXINSNS || step->filter.length % sizeof(struct sock_filter) != 0) {
    return -EINVAL;
  }
  int error = hand_over(context);
  if (error < 0) return error;
  /* The kernel copies the filter from there, aligned or not. */
  struct sock_fprog program = {.len = (unsigned short)instructions, .filter = (void *)step->filter.data};
  long result = CALL(context, seccomp, NUMBER(SECCOMP_SET_MODE_FILTER), FLAGS(step->flags), HIDDEN(&program),
                     HOLDING_NUMBER(instructions));
  if (result < 0 || !(step->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER)) return (int)result;
  AUTO_CLOSE int listener = (int)result;
  return send_descriptor(context, MESSAGE_LISTENER, listener);
}

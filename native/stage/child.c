#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "call.h"
#include "fd.h"
#include "link.h"
#include "steps.h"

enum { LINK_FD = 3, FIRST_OTHER_FD = LINK_FD + 2 + PREPARED_MAX };

/* What the monitor ignores must not be ignored in the container: exec resets handlers, but keeps SIG_IGN and the mask. */
static void reset_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
}

int die_with_monitor(struct context *context, bool yes) {
  return (int)CALL(context, prctl, NUMBER(PR_SET_PDEATHSIG), NUMBER(yes ? SIGKILL : 0), HIDDEN(0), HIDDEN(0),
                   HIDDEN(0));
}

/*
 * Keeps the standard streams, the link, the target and prepared mounts, at low numbers, and closes all else at once: nothing of the
 * monitor may be open where a container is made (CVE-2024-21626).
 */
static int arrange_descriptors(struct context *context) {
  for (int fd = 0; fd <= 2; fd++) {
    long result = CALL(context, dup3, DESCRIPTOR(context->child_streams[fd]), DESCRIPTOR(fd), FLAGS(0));
    if (result < 0) return (int)result;
  }
  /* Out of the way first, so that none is closed by the place of another. */
  int *others[] = {&context->target_fd, &context->prepared[0], &context->prepared[1], &context->prepared[2],
                   &context->prepared[3]};
  const int count = sizeof others / sizeof *others;
  for (int i = 0; i < count; i++) {
    if (*others[i] < 0) continue;
    *others[i] = fcntl(*others[i], F_DUPFD_CLOEXEC, FIRST_OTHER_FD);
    if (*others[i] < 0) return -errno;
  }
  if (context->link_fd != LINK_FD && dup3(context->link_fd, LINK_FD, O_CLOEXEC) < 0) return -errno;
  context->link_fd = LINK_FD;
  int first = LINK_FD + 1;
  for (int i = 0; i < count; i++) {
    if (*others[i] < 0) continue;
    if (dup3(*others[i], first, O_CLOEXEC) < 0) return -errno;
    *others[i] = first++;
  }
  return (int)CALL(context, close_range, DESCRIPTOR(first), NUMBER(~0u), FLAGS(0));
}

/* Root of the new user namespace, where the map gives our id another number and has a root. */
static int become_root(struct context *context) {
  if (context->plan->steps[context->plan->clone + 1].code != STEP_MAP_IDS || (geteuid() == 0 && getegid() == 0)) return 0;
  long gid = CALL(context, setresgid, NUMBER(0), NUMBER(0), NUMBER(0));
  long uid = CALL(context, setresuid, NUMBER(0), NUMBER(0), NUMBER(0));
  /* EINVAL: 0 is not mapped; then we stay who we are. */
  if (gid < 0 && gid != -EINVAL) return (int)gid;
  if (uid < 0 && uid != -EINVAL) return (int)uid;
  /* The change took away what the monitor needs to look at us. Nothing of the container runs yet. */
  return (int)CALL(context, prctl, NUMBER(PR_SET_DUMPABLE), NUMBER(1), HIDDEN(0), HIDDEN(0), HIDDEN(0));
}

int hand_over(struct context *context) {
  if (context->handed_over) return 0;
  int error = send_message(context->link_fd, MESSAGE_READY);
  int nothing = -1;
  if (error == 0) error = receive_message(context->link_fd, &nothing);
  if (error != MESSAGE_GO) return error < 0 ? error : -ECANCELED;
  context->handed_over = true;
  /* All are opened so already; this is for the one that somebody forgets. */
  long result = CALL(context, close_range, DESCRIPTOR(LINK_FD), NUMBER(~0u), FLAGS(CLOSE_RANGE_CLOEXEC));
  return result < 0 ? (int)result : die_with_monitor(context, false);
}

static int prepare(struct context *context) {
  context->step = context->plan->clone;
  context->ledger->step_of_init = context->step;
  int error = die_with_monitor(context, true);
  if (error == 0) error = arrange_descriptors(context);
  if (error == 0) error = become_root(context);
  umask(022); /* the zygote's is 077; setIds sets the container's */
  return error;
}

void child_run(struct context *context) {
  context->actor = ACTOR_INIT;
  reset_signals();
  int nothing = -1;
  /* Until then the monitor writes to the ledger; when it dies instead, so do we. */
  if (receive_message(context->link_fd, &nothing) != MESSAGE_RELEASE) _exit(1);
  int error = prepare(context);
  for (uint16_t i = context->plan->first_of_init; error == 0 && i < context->plan->count; i++) {
    context->step = i;
    context->ledger->step_of_init = i;
    error = step_run(context);
  }
  ledger_fail(context->ledger, context->step, -error);
  _exit(1);
}

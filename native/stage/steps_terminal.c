#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "call.h"
#include "fd.h"
#include "resolve.h"
#include "link.h"
#include "steps.h"

int run_set_session(struct context *context) { return (int)CALL_AS(context, "setsid", SYS_setsid, HIDDEN(0)); }

/* CVE-2025-52565: what lies at /dev/pts/ptmx may be the image's; only devpts has ptys to give. */
static int open_master(struct context *context) {
  /* Outside of a root it is the machine's, whose devpts often lets nobody open the file in it. */
  if (context->root_fd < 0) return resolve_open(context, "/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  AUTO_CLOSE int fd = resolve_open(context, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return fd;
  int error = check_magic(context, fd, DEVPTS_SUPER_MAGIC);
  if (error < 0) return error;
  struct stat stat;
  if (fstat(fd, &stat) < 0) return -errno;
  return S_ISCHR(stat.st_mode) && stat.st_rdev == makedev(5, 2) ? steal_fd(&fd) : -ENODEV;
}

static int become_terminal(struct context *context, int terminal) {
  /* A process that enters may be leader of its session already. */
  long result = CALL_AS(context, "setsid", SYS_setsid, HIDDEN(0));
  if (result < 0 && result != -EPERM) return (int)result;
  result = CALL(context, ioctl, DESCRIPTOR(terminal), FLAGS(TIOCSCTTY), NUMBER(0));
  for (int fd = 0; fd <= 2 && result >= 0; fd++) result = CALL(context, dup3, DESCRIPTOR(terminal), DESCRIPTOR(fd), FLAGS(0));
  if (result < 0) return (int)result;
  context->has_terminal = true;
  return 0;
}

int run_open_terminal(struct context *context, const struct step_open_terminal *step) {
  AUTO_CLOSE int master = open_master(context);
  if (master < 0) return master;
  int unlocked = 0;
  long result =
      CALL(context, ioctl, DESCRIPTOR(master), FLAGS(TIOCSPTLCK), HIDDEN(&unlocked), HOLDING_NUMBER(unlocked));
  if (result < 0) return (int)result;
  /* The other end by descriptor: /dev/pts/N might be another's by now. */
  AUTO_CLOSE int terminal =
      (int)CALL(context, ioctl, DESCRIPTOR(master), FLAGS(TIOCGPTPEER), FLAGS(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (terminal < 0) return terminal;
  struct winsize size = {.ws_row = (unsigned short)step->rows, .ws_col = (unsigned short)step->columns};
  result = CALL(context, ioctl, DESCRIPTOR(master), FLAGS(TIOCSWINSZ), HIDDEN(&size), HOLDING_NUMBER(size.ws_row),
                HOLDING_NUMBER(size.ws_col));
  if (result < 0) return (int)result;
  int error = become_terminal(context, terminal);
  return error < 0 ? error : send_descriptor(context, MESSAGE_TERMINAL, master);
}

#define _GNU_SOURCE
#include "attach_terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const int caught[] = {SIGTERM, SIGHUP, SIGQUIT, SIGINT, SIGWINCH};
enum { CAUGHT = sizeof caught / sizeof *caught };

static volatile sig_atomic_t pending[CAUGHT];
static struct termios original;
static bool raw;

static void note_signal(int number) {
  for (size_t i = 0; i < CAUGHT; i++)
    if (caught[i] == number) pending[i] = 1;
}

int terminal_catch_signals(sigset_t *wait_mask) {
  struct sigaction action = {.sa_handler = note_signal};
  sigset_t blocked;
  sigemptyset(&blocked);
  for (size_t i = 0; i < CAUGHT; i++) {
    sigaddset(&blocked, caught[i]);
    if (sigaction(caught[i], &action, NULL) < 0) return -errno;
  }
  /* A reader of our output that goes away is an error of write(2). In the background, restoring must not stop us. */
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGTTOU, SIG_IGN) == SIG_ERR) return -errno;
  if (sigprocmask(SIG_BLOCK, &blocked, wait_mask) < 0) return -errno;
  for (size_t i = 0; i < CAUGHT; i++) sigdelset(wait_mask, caught[i]);
  return 0;
}

int terminal_take_signal(void) {
  for (size_t i = 0; i < CAUGHT; i++) {
    if (!pending[i]) continue;
    pending[i] = 0;
    return caught[i];
  }
  return 0;
}

int terminal_make_raw(void) {
  if (tcgetattr(STDIN_FILENO, &original) < 0) return -errno;
  struct termios mode = original;
  cfmakeraw(&mode);
  if (tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) < 0) return -errno;
  raw = true;
  return 0;
}

void terminal_restore(void) {
  /* A terminal that is gone needs no mode. */
  if (raw) (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &original);
  raw = false;
}

bool terminal_size(struct resize *size) {
  struct winsize window;
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &window) < 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0) return false;
  *size = (struct resize){.rows = window.ws_row, .columns = window.ws_col};
  return true;
}

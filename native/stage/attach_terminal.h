/* The terminal that an attach client runs in, and the signals that reach the client. */
#ifndef TERRARIUM_ATTACH_TERMINAL_H
#define TERRARIUM_ATTACH_TERMINAL_H

#include <signal.h>
#include <stdbool.h>

#include "frame.h"

/* Catches SIGWINCH, SIGINT, SIGTERM, SIGHUP and SIGQUIT. `wait_mask` is for ppoll: only there they get through. */
int terminal_catch_signals(sigset_t *wait_mask);

/* Takes a caught signal, 0 when there is none. */
int terminal_take_signal(void);

/* Raw mode on standard input; terminal_restore undoes it, and may be called at any time. Returns 0 or -errno. */
int terminal_make_raw(void);
void terminal_restore(void);

/* Size of the terminal on standard input or output. Returns whether there is one. */
bool terminal_size(struct resize *size);

#endif

/* What is left to show of a process that has ended: its log and its exit record. */
#ifndef TERRARIUM_ATTACH_LOG_H
#define TERRARIUM_ATTACH_LOG_H

#include <stdint.h>

#include "frame.h"

/*
 * Waits, for 2 s at most, for `exit.json` in `directory`: a monitor that has just closed its socket is about to write
 * it. With HELLO_FROM_START or HELLO_REPLAY in the flags of `hello` prints that part of the log to standard output and
 * error. Returns the process's exit code, or -errno.
 */
int attach_log_show(const char *directory, const struct hello *hello);

#endif

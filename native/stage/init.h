/* PID 1 of a container, when it is ours. */
#ifndef TERRARIUM_INIT_H
#define TERRARIUM_INIT_H

#include <sys/types.h>

/* Before anything else runs beside it: what it holds in memory is not for the container to look at. */
void init_hide(void);

/* Before anybody learns that it runs: PID 1 loses signals that come before they are blocked or handled. */
void init_block_signals(void);

/*
 * Reaps orphans until SIGTERM or SIGINT, then exits 0. With a lease (not -1) it exits when nobody else has a lock on that
 * any more: when the last one who wanted it here has closed it, or has died.
 */
_Noreturn void init_stay(int lease_fd);

/* Reaps all, forwards signals to `child`, and exits as it did (128 + signal). */
_Noreturn void init_supervise(pid_t child);

#endif

/* PID 1 of a container, when it is ours. */
#ifndef TERRARIUM_INIT_H
#define TERRARIUM_INIT_H

#include <sys/types.h>

/*
 * Reaps orphans until SIGTERM or SIGINT, then exits 0. With a lease (not -1) it has no children, and exits when nobody
 * else has a lock on that any more: when the last one who wanted it here has closed it, or has died.
 */
_Noreturn void init_stay(int lease_fd);

/* Reaps all, forwards signals to `child`, and exits as it did (128 + signal). */
_Noreturn void init_supervise(pid_t child);

#endif

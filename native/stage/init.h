/* PID 1 of a container, when it is ours. */
#ifndef TERRARIUM_INIT_H
#define TERRARIUM_INIT_H

#include <sys/types.h>

/* Reaps orphans until SIGTERM or SIGINT, then exits 0. */
_Noreturn void init_stay(void);

/* Reaps all, forwards signals to `child`, and exits as it did (128 + signal). */
_Noreturn void init_supervise(pid_t child);

#endif

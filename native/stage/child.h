/* The new process, from its clone until it executes. */
#ifndef TERRARIUM_CHILD_H
#define TERRARIUM_CHILD_H

#include "context.h"

/* Waits for the monitor, then executes the steps of init. Never returns: a failure is noted in the ledger. */
_Noreturn void child_run(struct context *context);

#endif

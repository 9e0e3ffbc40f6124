/* The monitor's part of a plan: prepare, clone, help the new process into the world, or undo it all. */
#ifndef TERRARIUM_LAUNCH_H
#define TERRARIUM_LAUNCH_H

#include "context.h"

enum launch_status { LAUNCH_RUNNING, LAUNCH_FAILED, LAUNCH_DONE };

/*
 * Executes the plan. LAUNCH_RUNNING: the process has executed its command (or stays as PID 1), `context->watch` holds
 * all that watching it takes. LAUNCH_FAILED: what the plan made is undone, the ledger says which step and errno.
 * LAUNCH_DONE: the plan had no clone.
 */
enum launch_status launch(struct context *context);

#endif

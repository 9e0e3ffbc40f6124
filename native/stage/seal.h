/* A copy of the program that nothing can write to any more. */
#ifndef TERRARIUM_SEAL_H
#define TERRARIUM_SEAL_H

#include <stdbool.h>

#include "failure.h"

/* Whether the running program is such a copy. */
bool is_sealed(void);

/*
 * Copies the running program into a memfd, seals that and executes it with the same arguments: a container that gets
 * hold of /proc/PID/exe of ours must not be able to change what runs outside of it (CVE-2019-5736). Returns on failure.
 */
int execute_sealed(char **argv, struct failure *failure);

#endif

/* How a process of ours becomes independent of whoever started it. Each returns 0 or a descriptor, or -1 with the failure. */
#ifndef TERRARIUM_DETACH_H
#define TERRARIUM_DETACH_H

#include <stdbool.h>
#include <sys/un.h>

#include "failure.h"

/* Standard streams on /dev/null where they are closed or (`all`) whatever they are; nothing else open. */
int clean_descriptors(bool all, struct failure *failure);
/* Leaves the process tree of whoever started us: an editor kills its descendants when it goes. */
int leave_tree(struct failure *failure);
/* What was ignored or handled must not stay so in what is started. */
void default_signals(void);
/* False with ENAMETOOLONG when the path is too long for a socket. */
bool set_address(struct sockaddr_un *address, const char *path);
/* Connects to the socket at `path`. */
int connect_to(const char *path, struct failure *failure);

#endif

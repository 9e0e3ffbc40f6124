/* The zygote's user namespace, the parent of those of all containers. */
#ifndef TERRARIUM_USER_NAMESPACE_H
#define TERRARIUM_USER_NAMESPACE_H

#include "failure.h"

/*
 * Unshares a user namespace, maps its ids and becomes root in it. A map is "inside outside size" extents with commas
 * between them; NULL maps root to the present id. One extent is written directly, with setgroups denied; several need
 * newuidmap(1) and newgidmap(1), or to be root. Returns 0, or -1 with the failure filled in.
 */
int enter_new_user_namespace(const char *uid_map, const char *gid_map, struct failure *failure);

#endif

/* Removing a cgroup of ours, with all that is still in it. */
#ifndef TERRARIUM_CGROUP_REMOVE_H
#define TERRARIUM_CGROUP_REMOVE_H

#include <stddef.h>

/*
 * Removes the cgroup at `path` and those below it. Processes still in it are killed, which takes them a moment: then
 * -EBUSY, to be tried again shortly. Already gone is success. Returns 0 or -errno.
 */
int cgroup_remove(const char *path);

/* Removes those of the cgroups, in their order, that have neither processes nor cgroups in them. */
void cgroup_remove_empty(const char *const *paths, size_t count);

#endif

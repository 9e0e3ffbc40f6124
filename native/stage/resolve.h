/*
 * Paths inside the container's root, resolved by the kernel (openat2 with RESOLVE_IN_ROOT) and from then on used by
 * descriptor: nothing that the image contains or a process flips meanwhile can lead outside (CVE-2021-30465).
 * Before `setRoot` paths are ours, of the machine, and are opened as they are.
 */
#ifndef TERRARIUM_RESOLVE_H
#define TERRARIUM_RESOLVE_H

#include "context.h"

enum missing { REFUSE_MISSING, MAKE_DIRECTORY, MAKE_FILE };

/* Opens `path`. Returns a descriptor (always O_CLOEXEC) or -errno. */
int resolve_open(struct context *context, const char *path, int flags);

/*
 * Opens `path` with O_PATH | `flags`, after making what is missing of it: folders 0755, a file 0644. A link that
 * leads to nothing is followed inside the root and its target is made. Returns a descriptor or -errno.
 */
int resolve_make(struct context *context, const char *path, enum missing make, int flags);

/*
 * Opens the folder that `path` lies in (`make`: in a root, what is missing of it is made) and copies the last component
 * to `name` (NAME_MAX + 1 bytes). -EINVAL when there is no last component that could be made (`/`, `..`).
 */
int resolve_parent(struct context *context, const char *path, enum missing make, char *name);

#endif

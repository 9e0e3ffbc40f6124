#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "call.h"
#include "fd.h"
#include "resolve.h"
#include "steps.h"

/* The kernel copies a mount only in the mount namespace it is in, and lets it be moved from there to another's. */

static int hold_mount(struct context *context, int mount) {
  if (mount < 0) return mount;
  close_fd(&context->mount_fd);
  context->mount_fd = mount;
  return 0;
}

int run_clone_mount(struct context *context, const struct step_clone_mount *step) {
  return hold_mount(context, clone_source(context, step));
}

int run_create_mount(struct context *context, const struct step_create_mount *step) {
  const struct step_mount mount = {
      .type = step->type,
      .source = step->source,
      .destination = "",
      .attributes = step->attributes,
      .data = step->data,
  };
  return hold_mount(context, new_mount(context, &mount));
}

int run_attach_mount(struct context *context, const struct step_attach_mount *step) {
  /* Outside of a root the destination would be the host's. */
  if (context->root_fd < 0 || context->mount_fd < 0) return -EINVAL;
  int error = place_mount(context, context->mount_fd, step->destination);
  close_fd(&context->mount_fd);
  return error;
}

/* Whether what `name` in a folder shows is the root of the mount of that id. */
static int check_mount(struct context *context, int folder, const char *name, uint64_t id) {
  struct statx stat;
  long result = CALL(context, statx, DESCRIPTOR(folder), TEXT(name), FLAGS(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT),
                     FLAGS(STATX_MNT_ID), HIDDEN(&stat));
  if (result < 0) return (int)result;
  if ((stat.stx_mask & STATX_MNT_ID) == 0) return -EOPNOTSUPP;
  return stat.stx_mnt_id == id ? 0 : -ESTALE;
}

/*
 * By name, in a folder that we hold: umount2 takes no descriptor, and the container's /proc may not be ours. A mount point
 * cannot be renamed by those inside, and a link in its place is not followed.
 */
int run_unmount(struct context *context, const struct step_unmount *step) {
  if (context->root_fd < 0) return -EINVAL;
  char name[NAME_MAX + 1];
  AUTO_CLOSE int folder = resolve_parent(context, step->path, REFUSE_MISSING, name);
  if (folder < 0) return folder;
  int error = check_mount(context, folder, name, step->mount);
  if (error < 0) return error;
  long result = CALL(context, fchdir, DESCRIPTOR(folder));
  if (result == 0) result = CALL(context, umount2, TEXT(name), FLAGS(MNT_DETACH | UMOUNT_NOFOLLOW));
  return (int)result;
}

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "call.h"
#include "fd.h"
#include "resolve.h"
#include "steps.h"

int clone_null(struct context *context) {
  AUTO_CLOSE int fd = clone_mount(context, AT_FDCWD, "/dev/null", false);
  if (fd < 0) return fd;
  struct stat stat;
  if (fstat(fd, &stat) < 0) return -errno;
  if (!S_ISCHR(stat.st_mode) || stat.st_rdev != makedev(1, 3)) return -ENODEV;
  int error = change_mount(context, fd, &(struct mount_change){.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                                      MOUNT_ATTR_NOEXEC});
  return error < 0 ? error : steal_fd(&fd);
}

int run_set_root(struct context *context, const struct step_set_root *step) {
  close_fd(&context->root_fd);
  if (context->null_fd < 0 && plan_has(context->plan, STEP_MASK_PATH)) {
    int fd = clone_null(context);
    if (fd < 0) return fd;
    context->null_fd = fd;
  }
  int fd = resolve_open(context, step->path, O_PATH | O_DIRECTORY);
  if (fd < 0) return fd;
  context->root_fd = fd;
  return 0;
}

int run_pivot_root(struct context *context) {
  if (context->root_fd < 0) return -EINVAL;
  long result = CALL(context, fchdir, DESCRIPTOR(context->root_fd));
  if (result == 0) result = CALL(context, pivot_root, TEXT("."), TEXT("."));
  /* The old root now lies over the new one, at the folder we are in. */
  if (result == 0) result = CALL(context, umount2, TEXT("."), FLAGS(MNT_DETACH));
  if (result == 0) result = CALL(context, chdir, TEXT("/"));
  return (int)result;
}

int run_chroot(struct context *context) {
  if (context->root_fd < 0) return -EINVAL;
  long result = CALL(context, fchdir, DESCRIPTOR(context->root_fd));
  if (result == 0) result = CALL(context, chroot, TEXT("."));
  if (result == 0) result = CALL(context, chdir, TEXT("/"));
  return (int)result;
}

int run_set_root_attributes(struct context *context, const struct step_set_root_attributes *step) {
  if (context->root_fd < 0) return -EINVAL;
  return change_mount(context, context->root_fd, &(struct mount_change){.set = step->attributes});
}

/* CVE-2024-21626: a working folder of /proc/self/fd/N, or one that lies outside the root, would be a way out. */
int run_change_directory(struct context *context, const struct step_change_directory *step) {
  AUTO_CLOSE int fd = resolve_open(context, step->path, O_PATH | O_DIRECTORY);
  if (fd < 0) return fd;
  long result = CALL(context, fchdir, DESCRIPTOR(fd));
  if (result < 0) return (int)result;
  char path[PATH_MAX];
  result = CALL(context, getcwd, HIDDEN(path), HIDDEN(sizeof path));
  /* The kernel says "(unreachable)/…" of a folder outside. */
  return result < 0 ? (int)result : path[0] == '/' ? 0 : -ENOENT;
}

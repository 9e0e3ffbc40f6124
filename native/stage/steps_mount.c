#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "call.h"
#include "fd.h"
#include "resolve.h"
#include "steps.h"

int run_set_propagation(struct context *context, const struct step_set_propagation *step) {
  if (context->root_fd < 0) {
    return (int)CALL(context, mount, NUMBER(0), TEXT(step->path), NUMBER(0), FLAGS(step->flags), NUMBER(0));
  }
  AUTO_CLOSE int fd = resolve_open(context, step->path, O_PATH);
  if (fd < 0) return fd;
  return change_mount(context, fd,
                      &(struct mount_change){.propagation = step->flags & ~(uint32_t)MS_REC,
                                             .recursive = (step->flags & MS_REC) != 0});
}

/* MOUNT_ATTR_* as mount(2) wants them, or -1 for one that it does not know. */
static long mount_flags(uint32_t attributes) {
  static const struct {
    uint32_t attribute;
    unsigned long flag;
  } known[] = {
      {MOUNT_ATTR_RDONLY, MS_RDONLY},           {MOUNT_ATTR_NOSUID, MS_NOSUID},
      {MOUNT_ATTR_NODEV, MS_NODEV},             {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
      {MOUNT_ATTR_NOATIME, MS_NOATIME},         {MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
      {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},   {MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
  };
  unsigned long flags = 0;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if ((attributes & known[i].attribute) == 0) continue;
    flags |= known[i].flag;
    attributes &= ~known[i].attribute;
  }
  return attributes == 0 ? (long)flags : -1;
}

/* By mount(2), at a path that cannot lead elsewhere: one of ours, or a descriptor's in /proc. */
static int mount_at_path(struct context *context, const struct step_mount *step, const char *destination) {
  long flags = mount_flags(step->attributes);
  if (flags < 0) return -EINVAL;
  /* The kernel would silently cut what does not fit into a page. */
  if (strlen(step->data) >= 4096) return -E2BIG;
  return (int)CALL(context, mount, TEXT(step->source), TEXT(destination), TEXT(step->type), FLAGS(flags),
                   TEXT(step->data));
}

/* fsconfig(2) takes values of at most 255 bytes, which the folders of an overlay often exceed. */
static bool fits_parameters(const char *data) {
  size_t length = 0;
  for (; *data != '\0'; data++) {
    length = *data == ',' || *data == '=' ? 0 : length + 1;
    if (length > 255) return false;
  }
  return true;
}

/*
 * An image whose /proc, /sys or /dev is a link would have us mount somewhere else, and later steps write there
 * (CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2023-28642): the last component must not be one.
 */
static int open_mount_destination(struct context *context, const char *path) {
  AUTO_CLOSE int fd = resolve_make(context, path, MAKE_DIRECTORY, O_NOFOLLOW);
  if (fd < 0) return fd;
  struct stat stat;
  if (fstat(fd, &stat) < 0) return -errno;
  if (S_ISLNK(stat.st_mode)) return -ELOOP;
  return S_ISDIR(stat.st_mode) ? steal_fd(&fd) : -ENOTDIR;
}

int place_new_mount(struct context *context, int mount_fd, const char *destination) {
  AUTO_CLOSE int fd = open_mount_destination(context, destination);
  return fd < 0 ? fd : attach_mount(context, mount_fd, fd);
}

int run_mount(struct context *context, const struct step_mount *step) {
  if (context->root_fd < 0) return mount_at_path(context, step, step->destination);
  AUTO_CLOSE int destination = open_mount_destination(context, step->destination);
  if (destination < 0) return destination;
  if (!fits_parameters(step->data)) {
    char itself[32];
    snprintf(itself, sizeof itself, "/proc/self/fd/%d", destination);
    return mount_at_path(context, step, itself);
  }
  AUTO_CLOSE int mount = new_mount(context, step);
  return mount < 0 ? mount : attach_mount(context, mount, destination);
}

/*
 * The plan names real paths. A link on the way was put there since, by somebody who can write there, such as another
 * container: it could lead to anything of the person's. What is opened is what is mounted.
 */
int clone_source(struct context *context, const struct step_clone_mount *step) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  AUTO_CLOSE int fd = (int)CALL(context, openat2, DESCRIPTOR(AT_FDCWD), TEXT(step->source), HIDDEN(&how),
                                HOLDING_FLAGS(how.flags), HOLDING_FLAGS(how.resolve), HIDDEN(sizeof how));
  if (fd < 0) return fd;
  AUTO_CLOSE int mount = clone_mount(context, fd, "", step->recursive != 0);
  if (mount < 0) return mount;
  int error = change_mount(context, mount,
                           &(struct mount_change){.set = step->attributes,
                                                  /* MS_REC is said by `recursive`. */
                                                  .propagation = step->propagation & ~(uint32_t)MS_REC,
                                                  .recursive = step->recursive != 0});
  return error < 0 ? error : steal_fd(&mount);
}

/* What lies over a file of /proc or /sys lies to programs, and to the kernel's own checks (CVE-2019-16884). */
static int refuse_kernel_files(struct context *context, int fd) {
  struct statfs stat;
  long result = CALL(context, fstatfs, DESCRIPTOR(fd), HIDDEN(&stat));
  if (result < 0) return (int)result;
  return stat.f_type == PROC_SUPER_MAGIC || stat.f_type == SYSFS_MAGIC ? -EPERM : 0;
}

int place_mount(struct context *context, int mount_fd, const char *destination) {
  struct stat stat, there;
  if (fstat(mount_fd, &stat) < 0) return -errno;
  bool in_root = context->root_fd >= 0;
  enum missing make = !in_root ? REFUSE_MISSING : S_ISDIR(stat.st_mode) ? MAKE_DIRECTORY : MAKE_FILE;
  AUTO_CLOSE int fd = resolve_make(context, destination, make, 0);
  if (fd < 0) return fd;
  int error = in_root ? refuse_kernel_files(context, fd) : 0;
  if (error < 0) return error;
  if (fstat(fd, &there) < 0) return -errno;
  /* For either the kernel would only say EINVAL. */
  if (S_ISDIR(stat.st_mode) != S_ISDIR(there.st_mode)) return S_ISDIR(there.st_mode) ? -EISDIR : -ENOTDIR;
  return attach_mount(context, mount_fd, fd);
}

int run_bind(struct context *context, const struct step_bind *step) {
  AUTO_CLOSE int source = clone_source(context, &(struct step_clone_mount){.source = step->source,
                                                                           .recursive = step->recursive,
                                                                           .attributes = step->attributes,
                                                                           .propagation = step->propagation});
  if (source < 0) return source;
  struct stat stat;
  if (fstat(source, &stat) < 0) return -errno;
  bool device = S_ISCHR(stat.st_mode) || S_ISBLK(stat.st_mode);
  if (step->device != 0 && (!device || stat.st_rdev != step->device)) return -ENODEV;
  return place_mount(context, source, step->destination);
}

/* An empty folder that nobody can fill. */
static int mask_directory(struct context *context, int destination) {
  static const struct step_mount empty = {
      .type = "tmpfs",
      .source = "tmpfs",
      .destination = "",
      .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
      .data = "mode=555,nr_inodes=1",
  };
  AUTO_CLOSE int mount = new_mount(context, &empty);
  return mount < 0 ? mount : attach_mount(context, mount, destination);
}

static int mask_file(struct context *context, int destination) {
  if (context->null_fd < 0) return -EINVAL; /* setRoot makes it */
  /* The first mask attaches the mount made before the root was left; only then can it be copied for the others. */
  AUTO_CLOSE int copy = context->null_attached ? clone_mount(context, context->null_fd, "", false) : -1;
  if (context->null_attached && copy < 0) return copy;
  int error = attach_mount(context, copy >= 0 ? copy : context->null_fd, destination);
  if (error == 0) context->null_attached = true;
  return error;
}

int run_mask_path(struct context *context, const struct step_mask_path *step) {
  AUTO_CLOSE int destination = resolve_open(context, step->path, O_PATH);
  if (destination < 0) return destination;
  struct stat stat;
  if (fstat(destination, &stat) < 0) return -errno;
  return S_ISDIR(stat.st_mode) ? mask_directory(context, destination) : mask_file(context, destination);
}

int run_readonly_path(struct context *context, const struct step_readonly_path *step) {
  AUTO_CLOSE int destination = resolve_open(context, step->path, O_PATH);
  if (destination < 0) return destination;
  AUTO_CLOSE int copy = clone_mount(context, destination, "", true);
  if (copy < 0) return copy;
  int error = change_mount(context, copy, &(struct mount_change){.set = MOUNT_ATTR_RDONLY, .recursive = true});
  return error < 0 ? error : attach_mount(context, copy, destination);
}

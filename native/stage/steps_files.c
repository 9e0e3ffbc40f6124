#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "call.h"
#include "fd.h"
#include "resolve.h"
#include "steps.h"

int check_magic(struct context *context, int fd, long magic) {
  struct statfs stat;
  long result = CALL(context, fstatfs, DESCRIPTOR(fd), HIDDEN(&stat));
  if (result < 0) return (int)result;
  return (long)stat.f_type == magic ? 0 : -EXDEV;
}

int write_once(struct context *context, int fd, const char *data) {
  size_t size = strlen(data);
  long written = CALL(context, write, DESCRIPTOR(fd), TEXT(data), NUMBER(size));
  if (written < 0) return (int)written;
  return (size_t)written == size ? 0 : -EIO;
}

/* A step's mode is meant as it stands, whatever the umask. */
static long with_mode(struct context *context, int parent, const char *name, mode_t mode, bool directory) {
  mode_t before = umask(0);
  long result = directory ? CALL(context, mkdirat, DESCRIPTOR(parent), TEXT(name), FLAGS(mode))
                          : CALL(context, mknodat, DESCRIPTOR(parent), TEXT(name), FLAGS(S_IFREG | mode), NUMBER(0));
  umask(before);
  return result;
}

int run_make_directory(struct context *context, const struct step_make_directory *step) {
  char name[NAME_MAX + 1];
  AUTO_CLOSE int parent = resolve_parent(context, step->path, MAKE_DIRECTORY, name);
  long made = parent < 0 ? parent : with_mode(context, parent, name, step->mode & 07777, true);
  /* Already there, or a path such as "/" that names no component: a folder is all that was asked for. */
  if (made != -EEXIST && made != -EINVAL) return (int)made;
  AUTO_CLOSE int there = resolve_open(context, step->path, O_PATH | O_DIRECTORY);
  return there < 0 ? there : 0;
}

int run_make_file(struct context *context, const struct step_make_file *step) {
  char name[NAME_MAX + 1];
  AUTO_CLOSE int parent = resolve_parent(context, step->path, MAKE_DIRECTORY, name);
  if (parent < 0) return parent;
  long made = with_mode(context, parent, name, step->mode & 07777, false);
  return made == -EEXIST ? 0 : (int)made;
}

int run_symlink(struct context *context, const struct step_symlink *step) {
  char name[NAME_MAX + 1], present[PATH_MAX];
  AUTO_CLOSE int parent = resolve_parent(context, step->path, MAKE_DIRECTORY, name);
  if (parent < 0) return parent;
  long made = CALL(context, symlinkat, TEXT(step->target), DESCRIPTOR(parent), TEXT(name));
  if (made != -EEXIST) return (int)made;
  ssize_t length = readlinkat(parent, name, present, sizeof present);
  bool same = length == (ssize_t)strlen(step->target) && memcmp(present, step->target, (size_t)length) == 0;
  return same ? 0 : -EEXIST;
}

int run_write_file(struct context *context, const struct step_write_file *step) {
  /* O_NONBLOCK: a FIFO that an image put there must not hold us up. */
  AUTO_CLOSE int fd = resolve_open(context, step->path, O_WRONLY | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return fd;
  if (step->magic != 0) {
    int error = check_magic(context, fd, step->magic);
    if (error < 0) return error;
  } else {
    /* Only now that it is known to be a regular file; a device must not even be written. */
    struct stat stat;
    if (fstat(fd, &stat) < 0) return -errno;
    if (!S_ISREG(stat.st_mode)) return -EXDEV;
    long result = CALL(context, ftruncate, DESCRIPTOR(fd), NUMBER(0));
    if (result < 0) return (int)result;
  }
  return write_once(context, fd, step->data);
}

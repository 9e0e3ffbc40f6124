#define _GNU_SOURCE
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "call.h"
#include "fd.h"

/*
 * RESOLVE_IN_ROOT answers EAGAIN when a rename or mount anywhere on the machine raced with a `..`: whoever renames in a
 * loop must not hinder a start. A few at once, then with pauses; after half a second it is an attack.
 */
/* An image may hold links to links to nothing: making what a path needs takes at most so many rounds, and as many frames. */
enum { RACE_RETRIES = 512, RETRIES_AT_ONCE = 64, RACE_PAUSE_NS = 1000000, ROUNDS = 128 };

int resolve_open(struct context *context, const char *path, int flags) {
  bool in_root = context->root_fd >= 0;
  struct open_how how = {
      .flags = (__u64)(unsigned)(flags | O_CLOEXEC),
      .resolve = in_root ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS : 0,
  };
  int from = in_root ? context->root_fd : AT_FDCWD;
  long fd = -EAGAIN;
  for (int i = 0; i < RACE_RETRIES && fd == -EAGAIN; i++) {
    if (i >= RETRIES_AT_ONCE) nanosleep(&(struct timespec){.tv_nsec = RACE_PAUSE_NS}, NULL);
    fd = CALL(context, openat2, DESCRIPTOR(from), TEXT(path), HIDDEN(&how), HOLDING_FLAGS(how.flags),
              HOLDING_FLAGS(how.resolve), HIDDEN(sizeof how));
  }
  return (int)fd;
}

/* Copies `path` without slashes at its end; the root stays "/". */
static int trim(char *to, const char *path) {
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  if (length == 0) return -ENOENT;
  if (length >= PATH_MAX) return -ENAMETOOLONG;
  memcpy(to, path, length);
  to[length] = '\0';
  return 0;
}

/* Splits a trimmed path in place. The parent of "a" is "." (inside a root: the root itself), that of "/a" is "/". */
static const char *split(char *path, const char **name) {
  char *slash = strrchr(path, '/');
  *name = slash == NULL ? path : slash + 1;
  if (slash == NULL) return ".";
  if (slash == path) return "/";
  *slash = '\0';
  return path;
}

static int open_or_make(struct context *context, const char *path, enum missing make, int flags, int *rounds);

static int open_parent(struct context *context, const char *path, enum missing make, char *name, int *rounds) {
  char parent[PATH_MAX];
  int error = trim(parent, path);
  if (error < 0) return error;
  const char *last;
  const char *folder = split(parent, &last);
  if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) return -EINVAL;
  if (strlen(last) > NAME_MAX) return -ENAMETOOLONG;
  strcpy(name, last);
  if (context->root_fd < 0) make = REFUSE_MISSING; /* outside, a missing parent is a mistake in the plan */
  return open_or_make(context, folder, make, O_DIRECTORY, rounds);
}

/* A link to nothing, as /etc/resolv.conf often is in an image: the path that it stands for, still of the root. */
static int follow(int parent_fd, const char *name, const char *path, char *target) {
  char link[PATH_MAX], folder[PATH_MAX];
  ssize_t length = readlinkat(parent_fd, name, link, sizeof link - 1);
  if (length < 0) return -errno;
  link[length] = '\0';
  const char *last;
  int error = trim(folder, path);
  if (error < 0) return error;
  int written = link[0] == '/' ? snprintf(target, PATH_MAX, "%s", link)
                               : snprintf(target, PATH_MAX, "%s/%s", split(folder, &last), link);
  return written < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int make_missing(struct context *context, const char *path, enum missing make, int flags, int *rounds) {
  char name[NAME_MAX + 1];
  AUTO_CLOSE int parent = open_parent(context, path, MAKE_DIRECTORY, name, rounds);
  if (parent < 0) return parent;
  long made = make == MAKE_DIRECTORY
                  ? CALL(context, mkdirat, DESCRIPTOR(parent), TEXT(name), FLAGS(0755))
                  : CALL(context, mknodat, DESCRIPTOR(parent), TEXT(name), FLAGS(S_IFREG | 0644), NUMBER(0));
  if (made < 0 && made != -EEXIST) return (int)made;
  int fd = resolve_open(context, path, O_PATH | flags);
  if (fd != -ENOENT) return fd;
  char target[PATH_MAX];
  int error = follow(parent, name, path, target);
  /* EINVAL: no link, so somebody removed what we made. */
  if (error < 0) return error == -EINVAL ? -ENOENT : error;
  return open_or_make(context, target, make, flags, rounds);
}

static int open_or_make(struct context *context, const char *path, enum missing make, int flags, int *rounds) {
  if (--*rounds < 0) return -ELOOP;
  int fd = resolve_open(context, path, O_PATH | flags);
  if (fd != -ENOENT || make == REFUSE_MISSING) return fd;
  return make_missing(context, path, make, flags, rounds);
}

int resolve_make(struct context *context, const char *path, enum missing make, int flags) {
  int rounds = ROUNDS;
  return open_or_make(context, path, make, flags, &rounds);
}

int resolve_parent(struct context *context, const char *path, enum missing make, char *name) {
  int rounds = ROUNDS;
  return open_parent(context, path, make, name, &rounds);
}

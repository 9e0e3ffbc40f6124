#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

#include "call.h"
#include "cgroup_remove.h"
#include "fd.h"
#include "steps.h"

/* A killed process leaves its cgroup a moment later: at most a second of waiting in all. */
enum { REMOVE_TRIES = 100 };

int open_cgroup(struct context *context, const char *path, long magic) {
  AUTO_CLOSE int fd = (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(path),
                                FLAGS(O_RDONLY | O_DIRECTORY | O_CLOEXEC), NUMBER(0));
  if (fd < 0) return fd;
  struct statfs stat;
  long result = CALL(context, fstatfs, DESCRIPTOR(fd), HIDDEN(&stat));
  if (result < 0) return (int)result;
  bool expected = magic != 0 ? (long)stat.f_type == magic
                             : stat.f_type == CGROUP_SUPER_MAGIC || stat.f_type == CGROUP2_SUPER_MAGIC;
  return expected ? steal_fd(&fd) : -EXDEV;
}

int run_make_cgroup(struct context *context, const struct step_make_cgroup *step) {
  char parent[PATH_MAX];
  size_t length = strlen(step->path);
  const char *name = strrchr(step->path, '/');
  if (name == NULL || name[1] == '\0' || length >= sizeof parent) return -EINVAL;
  memcpy(parent, step->path, (size_t)(name - step->path));
  parent[name - step->path] = '\0';
  AUTO_CLOSE int fd = open_cgroup(context, parent, 0);
  if (fd < 0) return fd;
  long made = CALL(context, mkdirat, DESCRIPTOR(fd), TEXT(name + 1), FLAGS(0755));
  if (made < 0) return (int)made;
  context->made_cgroups[context->watch.cgroup_count] = strdup(step->path); /* outlives the plan */
  if (context->made_cgroups[context->watch.cgroup_count] == NULL) {
    unlinkat(fd, name + 1, AT_REMOVEDIR);
    return -ENOMEM;
  }
  context->watch.cgroup_count++;
  return 0;
}

int run_share_cgroups(struct context *context, const struct step_share_cgroups *step) {
  struct watch *watch = &context->watch;
  if (watch->shared_cgroups != NULL) return -EINVAL;
  const char **paths = calloc(step->paths.count + 1u, sizeof *paths);
  if (paths == NULL) return -ENOMEM;
  watch->shared_cgroups = paths;
  for (uint32_t i = 0; i < step->paths.count; i++) {
    paths[i] = strdup(step->paths.items[i]); /* outlives the plan */
    if (paths[i] == NULL) return -ENOMEM;
    watch->shared_cgroup_count++;
  }
  return 0;
}

int run_join_cgroup(struct context *context, const struct step_join_cgroup *step) {
  char pid[16];
  snprintf(pid, sizeof pid, "%d", context->watch.pid);
  AUTO_CLOSE int cgroup = open_cgroup(context, step->path, 0);
  if (cgroup < 0) return cgroup;
  AUTO_CLOSE int fd = (int)CALL(context, openat, DESCRIPTOR(cgroup), TEXT("cgroup.procs"),
                                FLAGS(O_WRONLY | O_CLOEXEC), NUMBER(0));
  return fd < 0 ? fd : write_once(context, fd, pid);
}

int remove_cgroup_patiently(const char *path) {
  const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
  int error = cgroup_remove(path);
  for (int i = 0; i < REMOVE_TRIES && error == -EBUSY; i++) {
    nanosleep(&pause, NULL);
    error = cgroup_remove(path);
  }
  return error;
}

int run_remove_cgroup(struct context *context, const struct step_remove_cgroup *step) {
  AUTO_CLOSE int fd = open_cgroup(context, step->path, 0);
  if (fd < 0) return fd;
  long removed = CALL(context, unlinkat, DESCRIPTOR(AT_FDCWD), TEXT(step->path), FLAGS(AT_REMOVEDIR));
  return removed == -EBUSY || removed == -ENOTEMPTY ? remove_cgroup_patiently(step->path) : (int)removed;
}

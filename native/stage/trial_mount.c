#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "call.h"
#include "fd.h"
#include "steps.h"
#include "trial.h"

static int write_map(struct context *context, pid_t pid, const char *name, const char *map) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  AUTO_CLOSE int fd =
      (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(path), FLAGS(O_WRONLY | O_CLOEXEC), NUMBER(0));
  return fd < 0 ? fd : write_once(context, fd, map);
}

/* A mount's ids are shifted by the map of a user namespace: one below ours is made for it. */
static int shift_ids(struct context *context, pid_t child, int mount) {
  int error = write_map(context, child, "uid_map", "0 0 1\n");
  if (error == 0) error = write_map(context, child, "setgroups", "deny");
  if (error == 0) error = write_map(context, child, "gid_map", "0 0 1\n");
  if (error < 0) return error;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/user", child);
  AUTO_CLOSE int namespace =
      (int)CALL(context, openat, DESCRIPTOR(AT_FDCWD), TEXT(path), FLAGS(O_RDONLY | O_CLOEXEC), NUMBER(0));
  if (namespace < 0) return namespace;
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (__u64)namespace};
  return (int)CALL(context, mount_setattr, DESCRIPTOR(mount), TEXT(""), FLAGS(AT_EMPTY_PATH), HIDDEN(&attr),
                   HOLDING_FLAGS(attr.attr_set), HOLDING_DESCRIPTOR(namespace), HIDDEN(sizeof attr));
}

int trial_idmapped_mount(struct context *context) {
  static const struct step_mount tmpfs = {.type = "tmpfs", .source = "tmpfs", .destination = "", .data = ""};
  /* Of what a step before holds, else of a tmpfs of our own. */
  AUTO_CLOSE int made = context->mount_fd < 0 ? new_mount(context, &tmpfs) : -1;
  int mount = context->mount_fd < 0 ? made : context->mount_fd;
  if (mount < 0) return mount;
  pid_t child = trial_child(context, CLONE_NEWUSER);
  if (child < 0) return child;
  int error = shift_ids(context, child, mount);
  trial_end_child(child);
  return error;
}

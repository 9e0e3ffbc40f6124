#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "call.h"
#include "fd.h"
#include "steps.h"

int change_mount(struct context *context, int fd, const struct mount_change *change) {
  struct mount_attr attr = {.attr_set = change->set, .propagation = change->propagation};
  /* The kernel refuses to set one of the access time modes without a word on what becomes of the others. */
  if (change->set & MOUNT_ATTR__ATIME) attr.attr_clr = MOUNT_ATTR__ATIME;
  if (attr.attr_set == 0 && attr.propagation == 0) return 0;
  return (int)CALL(context, mount_setattr, DESCRIPTOR(fd), TEXT(""),
                   FLAGS(AT_EMPTY_PATH | (change->recursive ? AT_RECURSIVE : 0)), HIDDEN(&attr),
                   HOLDING_FLAGS(attr.attr_set), HOLDING_FLAGS(attr.attr_clr), HOLDING_FLAGS(attr.propagation),
                   HIDDEN(sizeof attr));
}

int clone_mount(struct context *context, int fd, const char *path, bool recursive) {
  return (int)CALL(context, open_tree, DESCRIPTOR(fd), TEXT(path),
                   FLAGS(OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path == '\0' ? AT_EMPTY_PATH : 0) |
                         (recursive ? AT_RECURSIVE : 0)));
}

int attach_mount(struct context *context, int mount_fd, int destination_fd) {
  return (int)CALL(context, move_mount, DESCRIPTOR(mount_fd), TEXT(""), DESCRIPTOR(destination_fd), TEXT(""),
                   FLAGS(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

static int set_parameter(struct context *context, int fd, char *parameter) {
  char *value = strchr(parameter, '=');
  if (value == NULL) {
    return (int)CALL(context, fsconfig, DESCRIPTOR(fd), NUMBER(FSCONFIG_SET_FLAG), TEXT(parameter), NUMBER(0),
                     NUMBER(0));
  }
  *value++ = '\0';
  return (int)CALL(context, fsconfig, DESCRIPTOR(fd), NUMBER(FSCONFIG_SET_STRING), TEXT(parameter), TEXT(value),
                   NUMBER(0));
}

/* Sets the parameters of `data`, between commas; `\,` is a comma within one. */
static int set_parameters(struct context *context, int fd, const char *data) {
  /* The decoder bounds a plan to 1 MiB, the kernel a parameter to 256 bytes of name and a page of value. */
  char parameter[8192];
  while (*data != '\0') {
    size_t length = 0;
    while (*data != '\0' && *data != ',') {
      if (data[0] == '\\' && data[1] == ',') data++;
      if (length + 1 == sizeof parameter) return -ENAMETOOLONG;
      parameter[length++] = *data++;
    }
    parameter[length] = '\0';
    if (*data == ',') data++;
    int error = length == 0 ? 0 : set_parameter(context, fd, parameter);
    if (error < 0) return error;
  }
  return 0;
}

int new_mount(struct context *context, const struct step_mount *step) {
  AUTO_CLOSE int fd = (int)CALL(context, fsopen, TEXT(step->type), FLAGS(FSOPEN_CLOEXEC));
  if (fd < 0) return fd;
  if (*step->source != '\0') {
    long result = CALL(context, fsconfig, DESCRIPTOR(fd), NUMBER(FSCONFIG_SET_STRING), TEXT("source"),
                       TEXT(step->source), NUMBER(0));
    if (result < 0) return (int)result;
  }
  int error = set_parameters(context, fd, step->data);
  if (error < 0) return error;
  long created =
      CALL(context, fsconfig, DESCRIPTOR(fd), NUMBER(FSCONFIG_CMD_CREATE), NUMBER(0), NUMBER(0), NUMBER(0));
  if (created < 0) return (int)created;
  return (int)CALL(context, fsmount, DESCRIPTOR(fd), FLAGS(FSMOUNT_CLOEXEC), FLAGS(step->attributes));
}

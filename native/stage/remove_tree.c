#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "call.h"
#include "fd.h"
#include "resolve.h"
#include "steps.h"

/*
 * Everything goes by descriptor and through openat2 with RESOLVE_NO_XDEV and RESOLVE_NO_SYMLINKS, so that neither a link
 * nor a mount can lead out of the tree. A tree may be deeper than any stack: what lies below DEPTH_MAX is moved up to
 * the top and removed from there.
 *
 * Only calls that fail are recorded, and the last one: a tree of a million files would fill the ledger with nothing new.
 */
enum { DEPTH_MAX = 64, BATCH = 8192 };

struct tree {
  struct context *context;
  int top_fd;
  unsigned moved; /* makes names for what was moved up */
};

static int fail(const struct tree *tree, const char *call_name, int fd, const char *name, int error) {
  struct arg args[] = {DESCRIPTOR(fd), TEXT(name)};
  ledger_append(tree->context->ledger, &(struct record){
                                           .step = tree->context->step,
                                           .actor = tree->context->actor,
                                           .name = call_name,
                                           .args = args,
                                           .arg_count = 2,
                                           .result = error,
                                           .start = monotonic_now(),
                                       });
  return error;
}

static int open_below(int parent, const char *name, int flags) {
  struct open_how how = {
      .flags = (__u64)(unsigned)(flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
      .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH,
  };
  long fd = syscall(SYS_openat2, parent, name, &how, sizeof how);
  return fd < 0 ? -errno : (int)fd;
}

/* Opens a folder to read it, after giving ourselves the right: overlayfs leaves work/work without any. */
static int open_folder(int parent, const char *name) {
  int fd = open_below(parent, name, O_RDONLY);
  if (fd != -EACCES) return fd;
  AUTO_CLOSE int path_fd = open_below(parent, name, O_PATH);
  if (path_fd < 0) return path_fd;
  char itself[32];
  snprintf(itself, sizeof itself, "/proc/self/fd/%d", path_fd);
  return chmod(itself, 0700) < 0 ? -errno : open_below(parent, name, O_RDONLY);
}

/* unlinkat, and once more after giving ourselves the right to change the folder. */
static int unlink_in(int parent, const char *name, int flags) {
  if (unlinkat(parent, name, flags) == 0 || errno == ENOENT) return 0;
  if (errno != EACCES) return -errno;
  if (fchmod(parent, 0700) < 0) return -EACCES;
  return unlinkat(parent, name, flags) == 0 || errno == ENOENT ? 0 : -errno;
}

static int move_up(struct tree *tree, int parent, const char *name) {
  char target[32];
  long result;
  do {
    snprintf(target, sizeof target, ".removed-%u", tree->moved++);
    result = syscall(SYS_renameat2, parent, name, tree->top_fd, target, RENAME_NOREPLACE);
  } while (result < 0 && errno == EEXIST && tree->moved != 0);
  return result < 0 ? -errno : 0;
}

static int empty_folder(struct tree *tree, int fd, int depth);

static int remove_folder(struct tree *tree, int parent, const char *name, int depth) {
  if (depth >= DEPTH_MAX) return move_up(tree, parent, name);
  AUTO_CLOSE int fd = open_folder(parent, name);
  if (fd == -ENOENT) return 0;
  if (fd < 0) return fail(tree, "openat2", parent, name, fd);
  int error = empty_folder(tree, fd, depth + 1);
  return error < 0 ? error : unlink_in(parent, name, AT_REMOVEDIR);
}

static int remove_entry(struct tree *tree, int parent, const char *name, int depth) {
  int error = unlink_in(parent, name, 0);
  /* EISDIR: a folder. */
  if (error == -EISDIR) error = remove_folder(tree, parent, name, depth);
  return error < 0 ? fail(tree, "unlinkat", parent, name, error) : 0;
}

/* Removes what one reading of the folder finds. Returns how much that was, or -errno. */
static int remove_listed(struct tree *tree, int fd, int depth) {
  char batch[BATCH] __attribute__((aligned(8)));
  int count = 0;
  if (lseek(fd, 0, SEEK_SET) < 0) return -errno;
  for (;;) {
    long length = syscall(SYS_getdents64, fd, batch, sizeof batch);
    if (length <= 0) return length < 0 ? -errno : count;
    for (long at = 0; at < length;) {
      const struct dirent64 *entry = (const void *)(batch + at);
      at += entry->d_reclen;
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      int error = remove_entry(tree, fd, entry->d_name, depth);
      if (error < 0) return error;
      count++;
    }
  }
}

/* Reads again until nothing is found: what was moved up appears only then. */
static int empty_folder(struct tree *tree, int fd, int depth) {
  int removed;
  do {
    removed = remove_listed(tree, fd, depth);
  } while (removed > 0);
  return removed;
}

static int remove_tree(struct context *context, int parent, const char *name) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR) return -errno;
  struct tree tree = {.context = context, .top_fd = -1};
  AUTO_CLOSE int top = open_folder(parent, name);
  if (top < 0) return top == -ENOENT ? 0 : fail(&tree, "openat2", parent, name, top);
  tree.top_fd = top;
  int error = empty_folder(&tree, top, 0);
  if (error < 0) return error;
  return (int)CALL(context, unlinkat, DESCRIPTOR(parent), TEXT(name), FLAGS(AT_REMOVEDIR));
}

int run_remove_tree(struct context *context, const struct step_remove_tree *step) {
  char name[NAME_MAX + 1];
  AUTO_CLOSE int parent = resolve_parent(context, step->path, REFUSE_MISSING, name);
  if (parent < 0) return parent == -ENOENT || parent == -ENOTDIR ? 0 : parent;
  return remove_tree(context, parent, name);
}

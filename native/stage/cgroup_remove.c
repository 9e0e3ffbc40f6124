#define _GNU_SOURCE
#include "cgroup_remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.h"

enum {
  DEPTH_MAX = 32,  /* of cgroups that the container made below its own */
  KILL_BATCH = 32, /* the caller comes again for the others */
};

static bool write_file(int directory, const char *name, const char *text) {
  AUTO_CLOSE int fd = openat(directory, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* The first pids of cgroup.procs; 0 ends the list. */
static void read_members(int directory, pid_t members[KILL_BATCH + 1]) {
  char text[KILL_BATCH * 12 + 1];
  AUTO_CLOSE int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t count = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  text[count > 0 ? count : 0] = 0;
  size_t found = 0;
  char *at = text;
  /* A number that is cut off at the end of the text has no newline, and is left for the next time. */
  for (char *end; found < KILL_BATCH && (end = strchr(at, '\n')); at = end + 1) {
    members[found] = (pid_t)strtol(at, NULL, 10);
    /* 0: a process of another pid namespace than ours. */
    if (members[found] > 0) found++;
  }
  members[found] = 0;
}

static bool has_member(const pid_t *members, pid_t pid) {
  while (*members != 0 && *members != pid) members++;
  return *members == pid;
}

/* cgroup v1 has no cgroup.kill. Who is listed again after its pidfd was opened is no stranger with a pid used anew. */
static void kill_members(int directory) {
  pid_t members[KILL_BATCH + 1], again[KILL_BATCH + 1];
  int pidfds[KILL_BATCH];
  size_t count = 0;
  read_members(directory, members);
  for (; members[count] != 0; count++) pidfds[count] = (int)syscall(SYS_pidfd_open, members[count], 0);
  read_members(directory, again);
  for (size_t i = 0; i < count; i++) {
    if (pidfds[i] >= 0 && has_member(again, members[i])) syscall(SYS_pidfd_send_signal, pidfds[i], SIGKILL, NULL, 0);
    close_fd(&pidfds[i]);
  }
}

static void close_directory(DIR **directory) {
  if (*directory) closedir(*directory);
}

/* Kills what is in the cgroup and those below it, and removes those below as far as they are empty. */
static void clear(int parent, const char *name, int depth) {
  AUTO_CLOSE int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 || depth > DEPTH_MAX) return;
  if (!write_file(fd, "cgroup.kill", "1")) {
    kill_members(fd);
    /* In a frozen v1 cgroup a signal waits. Fails where there is no freezer, as it should. */
    (void)write_file(fd, "freezer.state", "THAWED");
  }
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return;
  __attribute__((cleanup(close_directory))) DIR *directory = fdopendir(copy);
  if (!directory) {
    close(copy);
    return;
  }
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) < 0) {
      clear(fd, entry->d_name, depth + 1);
      unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
  }
}

int cgroup_remove(const char *path) {
  if (rmdir(path) == 0 || errno == ENOENT) return 0;
  if (errno != EBUSY && errno != ENOTEMPTY) return -errno;
  clear(AT_FDCWD, path, 0);
  return rmdir(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* That others are in one (EBUSY), or were quicker (ENOENT), is as it should be: the last one to leave removes it. */
void cgroup_remove_empty(const char *const *paths, size_t count) {
  for (size_t i = 0; i < count; i++) rmdir(paths[i]);
}

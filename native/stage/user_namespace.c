#define _GNU_SOURCE
#include "user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fd.h"

enum { MAP_LENGTH = 4096, EXTENTS_MAX = 340 /* of the kernel: UID_GID_MAP_MAX_EXTENTS */ };

static int write_map(pid_t pid, const char *name, const char *text, struct failure *failure) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed(failure, "open");
  return write(fd, text, strlen(text)) < 0 ? failed(failure, "write") : 0;
}

static int write_extents(pid_t pid, const char *name, const char *map, struct failure *failure) {
  char lines[MAP_LENGTH];
  if (snprintf(lines, sizeof lines, "%s\n", map) >= (int)sizeof lines) {
    errno = E2BIG;
    return failed(failure, "write");
  }
  for (char *comma = lines; (comma = strchr(comma, ',')) != NULL;) *comma = '\n';
  return write_map(pid, name, lines, failure);
}

/* Runs `program PID inside outside size…` and reports the first line it says when it fails. */
static int run_tool(const char *program, pid_t pid, const char *map, struct failure *failure) {
  char words[MAP_LENGTH], number[16], *rest = NULL;
  char *argv[3 * EXTENTS_MAX + 3] = {(char *)program, number};
  size_t argc = 2;
  snprintf(number, sizeof number, "%d", pid);
  if (snprintf(words, sizeof words, "%s", map) >= (int)sizeof words) {
    errno = E2BIG;
    return failed(failure, program);
  }
  for (char *word = strtok_r(words, " ,", &rest); word != NULL && argc < 3 * EXTENTS_MAX + 2;
       word = strtok_r(NULL, " ,", &rest)) {
    argv[argc++] = word;
  }
  int output[2];
  if (pipe2(output, O_CLOEXEC) < 0) return failed(failure, "pipe2");
  pid_t tool = fork();
  if (tool == 0) {
    dup2(output[1], 2);
    execvp(program, argv);
    dprintf(2, "%s: %s\n", program, strerror(errno));
    _exit(127);
  }
  close(output[1]);
  AUTO_CLOSE int said_fd = output[0];
  if (tool < 0) return failed(failure, "fork");
  char said[sizeof failure->text];
  size_t length = 0;
  for (ssize_t got; length + 1 < sizeof said && (got = read(said_fd, said + length, sizeof said - 1 - length)) > 0;) {
    length += (size_t)got;
  }
  said[length] = '\0';
  said[strcspn(said, "\n")] = '\0';
  int status;
  if (waitpid(tool, &status, 0) < 0) return failed(failure, "waitpid");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  errno = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ENOENT : EPERM;
  failed(failure, program);
  if (length > 0) snprintf(failure->text, sizeof failure->text, "%s", said);
  return -1;
}

/* From outside: what the namespace's own process may not map. */
static int map_from_outside(pid_t pid, const char *uid_map, const char *gid_map, struct failure *failure) {
  if (geteuid() == 0) {
    if (write_extents(pid, "uid_map", uid_map, failure) < 0) return -1;
    return write_extents(pid, "gid_map", gid_map, failure);
  }
  if (run_tool("newuidmap", pid, uid_map, failure) < 0) return -1;
  return run_tool("newgidmap", pid, gid_map, failure);
}

/* A process that stays outside and maps as soon as it is told to; its failure comes back over the socket. */
static pid_t fork_mapper(int socket_fd, const char *uid_map, const char *gid_map) {
  pid_t parent = getpid(), mapper = fork();
  if (mapper != 0) return mapper;
  struct failure failure = {0};
  char go;
  if (recv(socket_fd, &go, 1, 0) != 1) _exit(1);
  map_from_outside(parent, uid_map, gid_map, &failure);
  /* `call` is a string of this same program, at the same address in both processes. */
  _exit(send(socket_fd, &failure, sizeof failure, MSG_NOSIGNAL) == sizeof failure ? 0 : 1);
}

static int unshare_mapped_from_outside(const char *uid_map, const char *gid_map, struct failure *failure) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return failed(failure, "socketpair");
  pid_t mapper = fork_mapper(ends[1], uid_map, gid_map);
  close(ends[1]);
  AUTO_CLOSE int mapper_fd = ends[0];
  if (mapper < 0) return failed(failure, "fork");
  if (unshare(CLONE_NEWUSER) < 0) return failed(failure, "unshare");
  struct failure reported;
  bool heard = send(mapper_fd, "", 1, MSG_NOSIGNAL) == 1 && recv(mapper_fd, &reported, sizeof reported, 0) == sizeof reported;
  if (waitpid(mapper, NULL, 0) < 0) return failed(failure, "waitpid");
  if (!heard) {
    errno = ECHILD;
    return failed(failure, "recv");
  }
  if (reported.error != 0) *failure = reported;
  return reported.error == 0 ? 0 : -1;
}

static int unshare_single(const char *uid_map, const char *gid_map, struct failure *failure) {
  if (unshare(CLONE_NEWUSER) < 0) return failed(failure, "unshare");
  pid_t self = getpid();
  if (write_extents(self, "uid_map", uid_map, failure) < 0) return -1;
  /* CVE-2014-8989: an ordinary user must give this up to map a group at all. */
  if (write_map(self, "setgroups", "deny", failure) < 0) return -1;
  return write_extents(self, "gid_map", gid_map, failure);
}

static int become_root(bool range, struct failure *failure) {
  if (range && setgroups(0, NULL) < 0) return failed(failure, "setgroups");
  if (setresgid(0, 0, 0) < 0) return failed(failure, "setresgid");
  if (setresuid(0, 0, 0) < 0) return failed(failure, "setresuid");
  return 0;
}

int enter_new_user_namespace(const char *uid_map, const char *gid_map, struct failure *failure) {
  char own_uid[32], own_gid[32];
  snprintf(own_uid, sizeof own_uid, "0 %u 1", geteuid());
  snprintf(own_gid, sizeof own_gid, "0 %u 1", getegid());
  if (uid_map == NULL) uid_map = own_uid;
  if (gid_map == NULL) gid_map = own_gid;
  bool range = strchr(uid_map, ',') != NULL || strchr(gid_map, ',') != NULL;
  int error = range ? unshare_mapped_from_outside(uid_map, gid_map, failure)
                    : unshare_single(uid_map, gid_map, failure);
  return error < 0 ? error : become_root(range, failure);
}

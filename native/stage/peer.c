#define _GNU_SOURCE
#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * We may look into our own user namespace and those of containers, which lie below it or, where we stand beside them, are it;
 * but not into the one above it that the user's own programs are in: a refusal is the sign of a friend.
 */
static bool is_in_container(pid_t pid) {
  char path[32];
  struct stat theirs;
  snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
  if (stat(path, &theirs) == 0) return true;
  if (errno == EACCES || errno == EPERM) return false;
  /* With hidepid=2 /proc shows us no process of the user's own. One that has ended could have been anybody. */
  return errno != ENOENT || kill(pid, 0) < 0;
}

static bool outside;

void peer_stands_outside(void) { outside = true; }

/* Outside of the user namespaces of all containers, the user's own programs are in ours, and nobody else is. */
static bool is_beside_us(pid_t pid) {
  char path[32];
  struct stat own, theirs;
  snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
  return stat(path, &theirs) == 0 && stat("/proc/self/ns/user", &own) == 0 && own.st_dev == theirs.st_dev &&
         own.st_ino == theirs.st_ino;
}

bool peer_is_user(int connection) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return false;
  return peer.uid == geteuid() && peer.pid > 0 &&
         (outside ? is_beside_us(peer.pid) : !is_in_container(peer.pid));
}

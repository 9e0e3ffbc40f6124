/* Descriptors that close themselves at the end of their scope. */
#ifndef TERRARIUM_FD_H
#define TERRARIUM_FD_H

#include <unistd.h>

static inline void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

/* Takes a descriptor out of the care of its scope. */
static inline int steal_fd(int *fd) {
  int taken = *fd;
  *fd = -1;
  return taken;
}

#define AUTO_CLOSE __attribute__((cleanup(close_fd)))

#endif

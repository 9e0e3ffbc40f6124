#define _GNU_SOURCE
#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"

bool set_address(struct sockaddr_un *address, const char *path) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address->sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  strcpy(address->sun_path, path);
  return true;
}

int connect_to(const char *path, struct failure *failure) {
  struct sockaddr_un address;
  AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(failure, "socket");
  if (!set_address(&address, path) || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    return failed(failure, "connect");
  }
  return steal_fd(&fd);
}

int clean_descriptors(bool all, struct failure *failure) {
  if (close_range(3, ~0u, 0) < 0) return failed(failure, "close_range");
  int fd;
  do {
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0) return failed(failure, "open");
    if (fd <= 2 && fcntl(fd, F_SETFD, 0) < 0) return failed(failure, "fcntl");
  } while (fd <= 2);
  for (int stream = 0; stream <= 2; stream++) {
    if (all && dup2(fd, stream) < 0) return failed(failure, "dup2");
  }
  close(fd);
  return 0;
}

int leave_tree(struct failure *failure) {
  pid_t first = fork();
  if (first < 0) return failed(failure, "fork");
  if (first > 0) _exit(0);
  if (setsid() < 0) return failed(failure, "setsid");
  pid_t second = fork();
  if (second < 0) return failed(failure, "fork");
  if (second > 0) _exit(0);
  return 0;
}

void default_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
}

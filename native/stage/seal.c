#define _GNU_SOURCE
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* since Linux 6.3; since then sysctl vm.memfd_noexec may ask for it */
#endif

static const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

bool is_sealed(void) {
  AUTO_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int present = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
  return present >= 0 && (present & seals) == seals;
}

static int create(void) {
  int fd = memfd_create("terrarium-stage", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (fd < 0 && errno == EINVAL) fd = memfd_create("terrarium-stage", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
}

int execute_sealed(char **argv, struct failure *failure) {
  AUTO_CLOSE int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat stat;
  if (program < 0 || fstat(program, &stat) < 0) return failed(failure, "open");
  AUTO_CLOSE int copy = create();
  if (copy < 0) return failed(failure, "memfd_create");
  for (off_t done = 0; done < stat.st_size;) {
    ssize_t sent = sendfile(copy, program, &done, (size_t)(stat.st_size - done));
    if (sent == 0) errno = EIO;
    if (sent <= 0) return failed(failure, "sendfile");
  }
  if (fchmod(copy, 0500) < 0) return failed(failure, "fchmod");
  if (fcntl(copy, F_ADD_SEALS, seals) < 0) return failed(failure, "fcntl");
  /* No environment: nothing of ours needs one, and an init of ours shows it to its container. */
  execveat(copy, "", argv, (char *[]){NULL}, AT_EMPTY_PATH);
  return failed(failure, "execveat");
}

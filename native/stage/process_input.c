#define _GNU_SOURCE
#include "process_input.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "fd.h"

int input_fd(const struct process_input *input) {
  return input->terminal_fd >= 0 ? input->terminal_fd : input->stdin_fd;
}

ssize_t input_write(struct process_input *input, const void *bytes, size_t size) {
  int fd = input_fd(input);
  if (fd < 0 || size == 0) return (ssize_t)size;
  ssize_t count = write(fd, bytes, size);
  if (count < 0 && errno == EAGAIN) return -EAGAIN;
  /* EPIPE, EIO: the other end is closed. As for any writer to a terminal or pipe, the rest is lost. */
  if (count < 0) return (ssize_t)size;
  if (count == 0) return -EAGAIN;
  input->within_line = ((const char *)bytes)[count - 1] != '\n';
  return count;
}

/* Within a line of canonical input the first end-of-file character only hands over what there is, termios(3). */
static int end_terminal(struct process_input *input) {
  struct termios mode;
  if (tcgetattr(input->terminal_fd, &mode) < 0 || mode.c_cc[VEOF] == _POSIX_VDISABLE) return 0;
  bool twice = input->within_line && (mode.c_lflag & ICANON) && !input->end_half_given;
  for (int left = twice ? 2 : 1; left > 0; left--) {
    if (write(input->terminal_fd, &mode.c_cc[VEOF], 1) < 0) {
      if (errno == EAGAIN) return -EAGAIN;
      break;
    }
    input->end_half_given = left == 2;
  }
  input->within_line = false;
  return 0;
}

int input_end(struct process_input *input) {
  if (input->terminal_fd >= 0) return end_terminal(input);
  close_fd(&input->stdin_fd);
  return 0;
}

int input_resize(const struct process_input *input, struct resize size) {
  if (input->terminal_fd < 0 || size.rows == 0 || size.columns == 0) return 0;
  struct winsize window = {.ws_row = size.rows, .ws_col = size.columns};
  return ioctl(input->terminal_fd, TIOCSWINSZ, &window) < 0 ? -errno : 0;
}

int input_signal(const struct process_input *input, uint32_t number) {
  return syscall(SYS_pidfd_send_signal, input->pidfd, (int)number, NULL, 0) < 0 ? -errno : 0;
}

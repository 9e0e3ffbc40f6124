#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "call.h"
#include "fd.h"

int send_message(int link_fd, enum message message) {
  char byte = (char)message;
  return send(link_fd, &byte, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

union control {
  char space[CMSG_SPACE(sizeof(int))];
  struct cmsghdr aligned;
};

int send_descriptor(struct context *context, enum message message_type, int fd) {
  char byte = (char)message_type;
  struct iovec data = {&byte, 1};
  union control control = {{0}};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  long sent = CALL(context, sendmsg, DESCRIPTOR(context->link_fd), HIDDEN(&message), HOLDING_DESCRIPTOR(fd),
                   FLAGS(MSG_NOSIGNAL));
  return sent < 0 ? (int)sent : 0;
}

int receive_message(int link_fd, int *fd) {
  char byte;
  struct iovec data = {&byte, 1};
  union control control;
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  ssize_t received;
  do {
    received = recvmsg(link_fd, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received <= 0) return received < 0 ? -errno : 0;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    close_fd(fd);
    memcpy(fd, CMSG_DATA(header), sizeof *fd);
  }
  return byte;
}

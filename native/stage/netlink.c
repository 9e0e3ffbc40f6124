#define _GNU_SOURCE
#include "netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "call.h"
#include "fd.h"

static void *end_of(struct netlink_message *message) { return (char *)message + NLMSG_ALIGN(message->header.nlmsg_len); }

/* Returns where `size` more bytes go. What does not fit is a defect of who builds the message, whatever the plan says. */
static void *extend(struct netlink_message *message, size_t size) {
  void *at = end_of(message);
  size_t length = NLMSG_ALIGN(message->header.nlmsg_len) + NLMSG_ALIGN(size);
  if (length > sizeof *message) abort();
  message->header.nlmsg_len = (uint32_t)length;
  return at;
}

void netlink_begin(struct netlink_message *message, int type, int flags, const void *structure, size_t size) {
  *message = (struct netlink_message){
      .header = {.nlmsg_len = NLMSG_HDRLEN,
                 .nlmsg_type = (unsigned short)type,
                 .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags)},
  };
  netlink_put(message, structure, size);
}

void netlink_put(struct netlink_message *message, const void *data, size_t size) {
  memcpy(extend(message, size), data, size);
}

void netlink_attribute(struct netlink_message *message, int type, const void *data, size_t size) {
  struct rtattr *attribute = extend(message, RTA_LENGTH(size));
  attribute->rta_type = (unsigned short)type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(size);
  if (size > 0) memcpy(RTA_DATA(attribute), data, size);
}

void netlink_text(struct netlink_message *message, int type, const char *text) {
  netlink_attribute(message, type, text, strlen(text) + 1);
}

struct rtattr *netlink_open(struct netlink_message *message, int type) {
  struct rtattr *attribute = end_of(message);
  netlink_attribute(message, type, NULL, 0);
  return attribute;
}

void netlink_close(struct netlink_message *message, struct rtattr *attribute) {
  attribute->rta_len = (unsigned short)((char *)end_of(message) - (char *)attribute);
}

/* An acknowledgement repeats the request. */
struct acknowledgement {
  struct nlmsghdr header;
  struct nlmsgerr error;
  char rest[512];
};

/* Sends one message, or several in one buffer, and reads so many acknowledgements. */
static int exchange(struct context *context, int protocol, const void *messages, size_t size, int acknowledgements,
                    const char *what, const char *name) {
  AUTO_CLOSE int fd = (int)CALL(context, socket, NUMBER(AF_NETLINK), FLAGS(SOCK_RAW | SOCK_CLOEXEC), NUMBER(protocol));
  if (fd < 0) return fd;
  long sent = CALL(context, sendto, DESCRIPTOR(fd), HIDDEN(messages), NUMBER(size), FLAGS(0), HIDDEN(NULL), HIDDEN(0),
                   HOLDING_TEXT(what), HOLDING_TEXT(name));
  if (sent < 0) return (int)sent;
  for (int i = 0; i < acknowledgements; i++) {
    struct acknowledgement answer;
    long received = CALL(context, recvfrom, DESCRIPTOR(fd), HIDDEN(&answer), NUMBER(sizeof answer), FLAGS(0),
                         HIDDEN(NULL), HIDDEN(NULL));
    if (received < 0) return (int)received;
    if (received < (long)NLMSG_LENGTH(sizeof answer.error) || answer.header.nlmsg_type != NLMSG_ERROR) return -EPROTO;
    if (answer.error.error != 0) return answer.error.error;
  }
  return 0;
}

int netlink_ask(struct context *context, struct netlink_message *message, const char *what, const char *name) {
  return exchange(context, NETLINK_ROUTE, message, message->header.nlmsg_len, 1, what, name);
}

int netlink_ask_all(struct context *context, int protocol, struct netlink_message *messages, size_t count,
                    const char *what, const char *name) {
  char together[NETLINK_BATCH * sizeof *messages];
  size_t size = 0;
  int acknowledgements = 0;
  if (count > NETLINK_BATCH) abort();
  for (size_t i = 0; i < count; i++) {
    size_t length = NLMSG_ALIGN(messages[i].header.nlmsg_len);
    memcpy(together + size, &messages[i], length);
    size += length;
    if (messages[i].header.nlmsg_flags & NLM_F_ACK) acknowledgements++;
  }
  return exchange(context, protocol, together, size, acknowledgements, what, name);
}

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "call.h"
#include "fd.h"
#include "steps.h"
#include "trial.h"

struct link_request {
  struct nlmsghdr header;
  struct ifinfomsg info;
  char attributes[128]; /* two short names and their headers */
};

/* Appends an attribute; the names of this file fit. */
static struct rtattr *add_attribute(struct link_request *request, int type, const char *text) {
  struct rtattr *attribute = (struct rtattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));
  size_t length = text == NULL ? 0 : strlen(text) + 1;
  attribute->rta_type = (unsigned short)type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(length);
  if (text != NULL) memcpy(RTA_DATA(attribute), text, length);
  request->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len));
  return attribute;
}

/* RTM_NEWLINK, see rtnetlink(7). The other end of a veth pair gets a name of the kernel's choice, veth0. */
static int make_link(struct context *context, const char *kind, const char *name) {
  AUTO_CLOSE int fd = (int)CALL(context, socket, NUMBER(AF_NETLINK), FLAGS(SOCK_RAW | SOCK_CLOEXEC),
                                NUMBER(NETLINK_ROUTE));
  if (fd < 0) return fd;
  struct link_request request = {
      .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                 .nlmsg_type = RTM_NEWLINK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL},
  };
  add_attribute(&request, IFLA_IFNAME, name);
  struct rtattr *details = add_attribute(&request, IFLA_LINKINFO, NULL);
  add_attribute(&request, IFLA_INFO_KIND, kind);
  details->rta_len = (unsigned short)((char *)&request + request.header.nlmsg_len - (char *)details);
  long sent = CALL(context, sendto, DESCRIPTOR(fd), HIDDEN(&request), NUMBER(request.header.nlmsg_len), FLAGS(0),
                   HIDDEN(NULL), HIDDEN(0), HOLDING_TEXT(kind), HOLDING_TEXT(name));
  if (sent < 0) return (int)sent;
  /* The acknowledgement repeats the request. */
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[512];
  } answer;
  long received = CALL(context, recvfrom, DESCRIPTOR(fd), HIDDEN(&answer), NUMBER(sizeof answer), FLAGS(0),
                       HIDDEN(NULL), HIDDEN(NULL));
  if (received < 0) return (int)received;
  if (received < (long)NLMSG_LENGTH(sizeof answer.error) || answer.header.nlmsg_type != NLMSG_ERROR) return -EPROTO;
  return answer.error.error;
}

int trial_veth(struct context *context) {
  int error = make_link(context, "veth", "doctor0");
  static const struct step_bring_up up = {.interface = "doctor0"};
  return error < 0 ? error : run_bring_up(context, &up);
}

int trial_bridge(struct context *context) {
  int error = make_link(context, "bridge", "bridge0");
  if (error == 0) error = make_link(context, "veth", "doctor0");
  if (error < 0) return error;
  struct ifreq request = {.ifr_name = "bridge0", .ifr_ifindex = (int)if_nametoindex("doctor0")};
  AUTO_CLOSE int fd = (int)CALL(context, socket, NUMBER(AF_INET), FLAGS(SOCK_DGRAM | SOCK_CLOEXEC), NUMBER(0));
  if (fd < 0) return fd;
  return (int)CALL(context, ioctl, DESCRIPTOR(fd), FLAGS(SIOCBRADDIF), HIDDEN(&request),
                   HOLDING_TEXT(request.ifr_name));
}

static const struct sockaddr_in any_80 = {
    .sin_family = AF_INET, .sin_port = 0x5000 /* 80 in network order, for both architectures are little-endian */
};

int trial_low_port(struct context *context) {
  AUTO_CLOSE int fd = (int)CALL(context, socket, NUMBER(AF_INET), FLAGS(SOCK_STREAM | SOCK_CLOEXEC), NUMBER(0));
  if (fd < 0) return fd;
  return (int)CALL(context, bind, DESCRIPTOR(fd), HIDDEN(&any_80), HIDDEN(sizeof any_80),
                   HOLDING_NUMBER(80));
}

/* An echo over the loopback of this namespace, by the kind of socket that ping(8) uses without privileges. */
int trial_ping(struct context *context) {
  AUTO_CLOSE int fd =
      (int)CALL(context, socket, NUMBER(AF_INET), FLAGS(SOCK_DGRAM | SOCK_CLOEXEC), NUMBER(IPPROTO_ICMP));
  if (fd < 0) return fd;
  struct timeval patience = {.tv_sec = 2};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) return -errno;
  struct icmphdr echo = {.type = ICMP_ECHO};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  long result = CALL(context, sendto, DESCRIPTOR(fd), HIDDEN(&echo), NUMBER(sizeof echo), FLAGS(0), HIDDEN(&address),
                     HIDDEN(sizeof address), HOLDING_TEXT("127.0.0.1"));
  if (result < 0) return (int)result;
  result = CALL(context, recvfrom, DESCRIPTOR(fd), HIDDEN(&echo), NUMBER(sizeof echo), FLAGS(0), HIDDEN(NULL),
                HIDDEN(NULL));
  if (result < 0) return (int)(result == -EAGAIN ? -ETIMEDOUT : result);
  return result >= (long)sizeof echo && echo.type == ICMP_ECHOREPLY ? 0 : -EPROTO;
}

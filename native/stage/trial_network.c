#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "call.h"
#include "fd.h"
#include "network_link.h"
#include "steps.h"
#include "trial.h"

/* Its other end gets a name of the kernel's choice, veth0. */
static const struct new_link veth = {.kind = "veth", .name = "doctor0"};
static const struct new_link bridge = {.kind = "bridge", .name = "bridge0"};

int trial_veth(struct context *context) {
  int error = make_link(context, &veth);
  static const struct step_bring_up up = {.interface = "doctor0"};
  return error < 0 ? error : run_bring_up(context, &up);
}

int trial_bridge(struct context *context) {
  int error = make_link(context, &bridge);
  if (error == 0) error = make_link(context, &veth);
  if (error < 0) return error;
  struct ifreq request = {.ifr_name = "bridge0", .ifr_ifindex = (int)if_nametoindex("doctor0")};
  AUTO_CLOSE int fd = (int)CALL(context, socket, NUMBER(AF_INET), FLAGS(SOCK_DGRAM | SOCK_CLOEXEC), NUMBER(0));
  if (fd < 0) return fd;
  return (int)CALL(context, ioctl, DESCRIPTOR(fd), FLAGS(SIOCBRADDIF), HIDDEN(&request),
                   HOLDING_TEXT(request.ifr_name));
}

int trial_masquerade(struct context *context) {
  static const struct step_masquerade masquerade = {.interface = "doctor0", .family = NFPROTO_IPV4};
  return run_masquerade(context, &masquerade);
}

int trial_netem(struct context *context) {
  static const struct step_add_netem slow = {.interface = "doctor0", .latency = 1000000, .limit = 1000};
  int error = make_link(context, &veth);
  return error < 0 ? error : run_add_netem(context, &slow);
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

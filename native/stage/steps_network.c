#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"
#include "network_link.h"
#include "steps.h"

static bool is_name(const char *name) { return *name != '\0' && strlen(name) < IFNAMSIZ; }

int index_of_interface(const char *name) {
  unsigned index = is_name(name) ? if_nametoindex(name) : 0;
  return index == 0 ? -ENODEV : (int)index;
}

static void describe_veth(struct netlink_message *message, const struct new_link *link) {
  static const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
  struct rtattr *data = netlink_open(message, IFLA_INFO_DATA);
  struct rtattr *peer = netlink_open(message, VETH_INFO_PEER);
  netlink_put(message, &any, sizeof any);
  netlink_text(message, IFLA_IFNAME, link->peer);
  if (link->peer_mac != NULL) netlink_attribute(message, IFLA_ADDRESS, link->peer_mac, ETH_ALEN);
  uint32_t pid = (uint32_t)link->peer_of;
  if (pid != 0) netlink_attribute(message, IFLA_NET_NS_PID, &pid, sizeof pid);
  netlink_close(message, peer);
  netlink_close(message, data);
}

int make_link(struct context *context, const struct new_link *link) {
  if (!is_name(link->name) || (link->peer != NULL && !is_name(link->peer))) return -EINVAL;
  struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
  int bridge = link->bridge == NULL ? 0 : index_of_interface(link->bridge);
  if (bridge < 0) return bridge;
  if (bridge > 0) info.ifi_flags = info.ifi_change = IFF_UP;
  struct netlink_message message;
  netlink_begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  netlink_text(&message, IFLA_IFNAME, link->name);
  if (link->mac != NULL) netlink_attribute(&message, IFLA_ADDRESS, link->mac, ETH_ALEN);
  if (bridge > 0) netlink_attribute(&message, IFLA_MASTER, &bridge, sizeof bridge);
  struct rtattr *details = netlink_open(&message, IFLA_LINKINFO);
  netlink_text(&message, IFLA_INFO_KIND, link->kind);
  if (link->peer != NULL) describe_veth(&message, link);
  netlink_close(&message, details);
  return netlink_ask(context, &message, link->kind, link->name);
}

int run_make_bridge(struct context *context, const struct step_make_bridge *step) {
  if (step->mac.length != ETH_ALEN) return -EINVAL;
  return make_link(context, &(struct new_link){.kind = "bridge", .name = step->name, .mac = step->mac.data});
}

int run_make_veth(struct context *context, const struct step_make_veth *step) {
  if (step->mac.length != ETH_ALEN) return -EINVAL;
  /* The new process waits, so its pid is its own. */
  const struct new_link link = {.kind = "veth",
                                .name = step->name,
                                .bridge = step->bridge,
                                .peer = step->peer,
                                .peer_mac = step->mac.data,
                                .peer_of = context->watch.pid};
  return make_link(context, &link);
}

/* An address of either kind. Returns its bytes, or 0. */
static size_t parse_address(const char *text, struct in6_addr *address, uint8_t *family) {
  if (inet_pton(AF_INET, text, address) == 1) {
    *family = AF_INET;
    return sizeof(struct in_addr);
  }
  *family = AF_INET6;
  return inet_pton(AF_INET6, text, address) == 1 ? sizeof *address : 0;
}

int run_add_address(struct context *context, const struct step_add_address *step) {
  struct in6_addr address;
  struct ifaddrmsg info = {.ifa_prefixlen = (uint8_t)step->prefix};
  size_t size = parse_address(step->address, &address, &info.ifa_family);
  if (size == 0 || step->prefix > size * 8) return -EINVAL;
  int index = index_of_interface(step->interface);
  if (index < 0) return index;
  info.ifa_index = (uint32_t)index;
  /* Whose it is has been settled: looking for others that have it would take a second, in which it cannot be used. */
  if (info.ifa_family == AF_INET6) info.ifa_flags = IFA_F_NODAD;
  struct netlink_message message;
  netlink_begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  netlink_attribute(&message, IFA_LOCAL, &address, size);
  netlink_attribute(&message, IFA_ADDRESS, &address, size);
  return netlink_ask(context, &message, step->address, step->interface);
}

int run_add_default_route(struct context *context, const struct step_add_default_route *step) {
  struct in6_addr gateway;
  struct rtmsg info = {.rtm_table = RT_TABLE_MAIN,
                       .rtm_protocol = RTPROT_STATIC,
                       .rtm_scope = RT_SCOPE_UNIVERSE,
                       .rtm_type = RTN_UNICAST};
  size_t size = parse_address(step->gateway, &gateway, &info.rtm_family);
  if (size == 0) return -EINVAL;
  int index = index_of_interface(step->interface);
  if (index < 0) return index;
  struct netlink_message message;
  netlink_begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  netlink_attribute(&message, RTA_GATEWAY, &gateway, size);
  netlink_attribute(&message, RTA_OIF, &index, sizeof index);
  return netlink_ask(context, &message, step->gateway, step->interface);
}

int run_set_link(struct context *context, const struct step_set_link *step) {
  int index = index_of_interface(step->interface);
  if (index < 0) return index;
  struct ifinfomsg info = {
      .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = step->up ? IFF_UP : 0, .ifi_change = IFF_UP};
  struct netlink_message message;
  netlink_begin(&message, RTM_NEWLINK, 0, &info, sizeof info);
  return netlink_ask(context, &message, step->up ? "up" : "down", step->interface);
}

#define _GNU_SOURCE
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netlink.h"
#include "network_link.h"
#include "steps.h"

/* A message about the queueing discipline at the root of an interface. Returns 0 or -errno. */
static int begin(struct netlink_message *message, int type, int flags, const char *interface) {
  int index = index_of_interface(interface);
  if (index < 0) return index;
  struct tcmsg info = {.tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_parent = TC_H_ROOT};
  netlink_begin(message, type, flags, &info, sizeof info);
  return 0;
}

/* Of the two fields for a rate the kernel takes the larger one. */
static uint32_t in_32_bits(uint64_t rate) { return rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate; }

/* tc-netem(8). TCA_OPTIONS is the old structure followed by attributes, which count instead of its fields. */
int run_add_netem(struct context *context, const struct step_add_netem *step) {
  struct netlink_message message;
  int error = begin(&message, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, step->interface);
  if (error < 0) return error;
  netlink_text(&message, TCA_KIND, "netem");
  struct rtattr *options = netlink_open(&message, TCA_OPTIONS);
  const struct tc_netem_qopt qopt = {.limit = step->limit, .loss = step->loss};
  netlink_put(&message, &qopt, sizeof qopt);
  const int64_t latency = (int64_t)step->latency;
  netlink_attribute(&message, TCA_NETEM_LATENCY64, &latency, sizeof latency);
  if (step->rate > 0) {
    const struct tc_netem_rate rate = {.rate = in_32_bits(step->rate)};
    netlink_attribute(&message, TCA_NETEM_RATE, &rate, sizeof rate);
    netlink_attribute(&message, TCA_NETEM_RATE64, &step->rate, sizeof step->rate);
  }
  netlink_close(&message, options);
  return netlink_ask(context, &message, "netem", step->interface);
}

/* tc-tbf(8). */
int run_add_token_bucket(struct context *context, const struct step_add_token_bucket *step) {
  struct netlink_message message;
  int error = begin(&message, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, step->interface);
  if (error < 0) return error;
  netlink_text(&message, TCA_KIND, "tbf");
  struct rtattr *options = netlink_open(&message, TCA_OPTIONS);
  /* With the link layer said, the kernel asks for no table of transmission times. */
  const struct tc_tbf_qopt qopt = {
      .rate = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = in_32_bits(step->rate)}, .limit = step->limit};
  netlink_attribute(&message, TCA_TBF_PARMS, &qopt, sizeof qopt);
  netlink_attribute(&message, TCA_TBF_RATE64, &step->rate, sizeof step->rate);
  netlink_attribute(&message, TCA_TBF_BURST, &step->burst, sizeof step->burst);
  netlink_close(&message, options);
  return netlink_ask(context, &message, "tbf", step->interface);
}

int run_remove_qdisc(struct context *context, const struct step_remove_qdisc *step) {
  struct netlink_message message;
  int error = begin(&message, RTM_DELQDISC, 0, step->interface);
  return error < 0 ? error : netlink_ask(context, &message, "qdisc", step->interface);
}

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h> /* NF_IP_PRI_NAT_SRC is that of linux/netfilter_ipv6.h, too */
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "netlink.h"
#include "steps.h"

/* What `nft add table ip terrarium` and the like send: nft(8), linux/netfilter/nf_tables.h. Numbers are big-endian. */
static const char table[] = "terrarium";
static const char chain[] = "postrouting";

static void begin(struct netlink_message *message, int type, uint8_t family, uint16_t resource, int flags) {
  const struct nfgenmsg info = {.nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(resource)};
  netlink_begin(message, type, flags, &info, sizeof info);
}

/* Between two of these the kernel takes all or nothing; they are not acknowledged. */
static void border(struct netlink_message *message, int type) {
  begin(message, type, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 0);
  message->header.nlmsg_flags = NLM_F_REQUEST;
}

static void begin_table(struct netlink_message *message, uint8_t family, int type, int flags) {
  begin(message, NFNL_SUBSYS_NFTABLES << 8 | type, family, 0, flags);
}

static struct rtattr *open_nested(struct netlink_message *message, int type) {
  return netlink_open(message, type | NLA_F_NESTED);
}

static void number(struct netlink_message *message, int type, uint32_t value) {
  uint32_t ordered = htonl(value);
  netlink_attribute(message, type, &ordered, sizeof ordered);
}

static void describe_table(struct netlink_message *message, uint8_t family) {
  begin_table(message, family, NFT_MSG_NEWTABLE, NLM_F_CREATE);
  netlink_text(message, NFTA_TABLE_NAME, table);
}

static void describe_chain(struct netlink_message *message, uint8_t family) {
  begin_table(message, family, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  netlink_text(message, NFTA_CHAIN_TABLE, table);
  netlink_text(message, NFTA_CHAIN_NAME, chain);
  struct rtattr *hook = open_nested(message, NFTA_CHAIN_HOOK);
  number(message, NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING);
  number(message, NFTA_HOOK_PRIORITY, NF_IP_PRI_NAT_SRC);
  netlink_close(message, hook);
  netlink_text(message, NFTA_CHAIN_TYPE, "nat");
}

/* meta: the name of the interface it leaves by, into register 1. */
static void load_interface(struct netlink_message *message) {
  struct rtattr *expression = open_nested(message, NFTA_LIST_ELEM);
  netlink_text(message, NFTA_EXPR_NAME, "meta");
  struct rtattr *data = open_nested(message, NFTA_EXPR_DATA);
  number(message, NFTA_META_DREG, NFT_REG_1);
  number(message, NFTA_META_KEY, NFT_META_OIFNAME);
  netlink_close(message, data);
  netlink_close(message, expression);
}

/* cmp: register 1 against it; the rule ends where they differ. */
static void compare_interface(struct netlink_message *message, const char *interface) {
  char padded[IFNAMSIZ] = "";
  memcpy(padded, interface, strlen(interface));
  struct rtattr *expression = open_nested(message, NFTA_LIST_ELEM);
  netlink_text(message, NFTA_EXPR_NAME, "cmp");
  struct rtattr *data = open_nested(message, NFTA_EXPR_DATA);
  number(message, NFTA_CMP_SREG, NFT_REG_1);
  number(message, NFTA_CMP_OP, NFT_CMP_EQ);
  struct rtattr *value = open_nested(message, NFTA_CMP_DATA);
  netlink_attribute(message, NFTA_DATA_VALUE, padded, sizeof padded);
  netlink_close(message, value);
  netlink_close(message, data);
  netlink_close(message, expression);
}

static void describe_rule(struct netlink_message *message, uint8_t family, const char *interface) {
  begin_table(message, family, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  netlink_text(message, NFTA_RULE_TABLE, table);
  netlink_text(message, NFTA_RULE_CHAIN, chain);
  struct rtattr *expressions = open_nested(message, NFTA_RULE_EXPRESSIONS);
  load_interface(message);
  compare_interface(message, interface);
  struct rtattr *masquerade = open_nested(message, NFTA_LIST_ELEM);
  netlink_text(message, NFTA_EXPR_NAME, "masq");
  netlink_close(message, masquerade);
  netlink_close(message, expressions);
}

int run_masquerade(struct context *context, const struct step_masquerade *step) {
  if (*step->interface == '\0' || strlen(step->interface) >= IFNAMSIZ) return -EINVAL;
  if (step->family != NFPROTO_IPV4 && step->family != NFPROTO_IPV6) return -EAFNOSUPPORT;
  uint8_t family = (uint8_t)step->family;
  struct netlink_message messages[NETLINK_BATCH];
  border(&messages[0], NFNL_MSG_BATCH_BEGIN);
  describe_table(&messages[1], family);
  describe_chain(&messages[2], family);
  describe_rule(&messages[3], family, step->interface);
  border(&messages[4], NFNL_MSG_BATCH_END);
  return netlink_ask_all(context, NETLINK_NETFILTER, messages, NETLINK_BATCH, "masquerade", step->interface);
}

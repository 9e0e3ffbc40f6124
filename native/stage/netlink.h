/* Messages of netlink(7): built in a fixed buffer, sent, and their acknowledgement read. */
#ifndef TERRARIUM_NETLINK_H
#define TERRARIUM_NETLINK_H

#include <linux/rtnetlink.h>
#include <stddef.h>

#include "context.h"

struct netlink_message {
  struct nlmsghdr header;
  char body[384]; /* room for what steps put into one: names are shorter than IFNAMSIZ */
};

/* Starts a request that the kernel is to acknowledge, with the structure that its type begins with. */
void netlink_begin(struct netlink_message *message, int type, int flags, const void *structure, size_t size);
/* Appends a structure within an attribute that is open (that of a veth's peer). */
void netlink_put(struct netlink_message *message, const void *data, size_t size);
void netlink_attribute(struct netlink_message *message, int type, const void *data, size_t size);
void netlink_text(struct netlink_message *message, int type, const char *text);
/* An attribute that holds others: those that are appended until it is closed. */
struct rtattr *netlink_open(struct netlink_message *message, int type);
void netlink_close(struct netlink_message *message, struct rtattr *attribute);

/*
 * Sends it by NETLINK_ROUTE in the network namespace that this process is in. `what` and `name` say in the ledger what it is about.
 * Returns 0 or -errno: of the calls, or what the kernel answers.
 */
int netlink_ask(struct context *context, struct netlink_message *message, const char *what, const char *name);

/* The most messages that go together. */
enum { NETLINK_BATCH = 5 };
/*
 * Sends several together, by a protocol such as NETLINK_NETFILTER that carries out all of them or none. Those with
 * NLM_F_ACK are acknowledged. Returns as netlink_ask.
 */
int netlink_ask_all(struct context *context, int protocol, struct netlink_message *messages, size_t count,
                    const char *what, const char *name);

#endif

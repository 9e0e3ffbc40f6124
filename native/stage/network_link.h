/* New interfaces, for the steps of networks and the trials of the doctor. */
#ifndef TERRARIUM_NETWORK_LINK_H
#define TERRARIUM_NETWORK_LINK_H

#include <sys/types.h>

#include "context.h"

struct new_link {
  const char *kind; /* bridge, veth */
  const char *name;
  const void *mac;      /* six bytes, or NULL: the kernel chooses */
  const char *bridge;   /* one that is there, for it to be a port of; or NULL */
  const char *peer;     /* of a veth: what its other end is called; NULL: the kernel chooses */
  const void *peer_mac; /* as mac */
  pid_t peer_of;        /* whose network namespace gets that other end; 0: the same */
};

/* RTM_NEWLINK in the network namespace that this process is in; as the port of a bridge it is brought up, too. */
int make_link(struct context *context, const struct new_link *link);

/* The index of an interface of this network namespace, or -ENODEV. */
int index_of_interface(const char *name);

#endif

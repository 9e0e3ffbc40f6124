/* What the server does with one client: attach_receive.c and attach_send.c. */
#ifndef TERRARIUM_ATTACH_CLIENT_IO_H
#define TERRARIUM_ATTACH_CLIENT_IO_H

#include "attach_server.h"

/* One thread: sent and received through the same memory. A whole frame always fits. */
extern char attach_buffer[2 * FRAME_PAYLOAD_MAX];

/* Said hello, and the process waits for it. */
bool attach_holds(const struct attach_client *client);

/* Whether its socket has room for a frame. */
bool attach_writable(const struct attach_client *client);

void attach_drop(struct attach_client *client);

/*
 * One piece of a message. Returns 0, -EAGAIN (later), -ENODATA (it sends no more), or another -errno: it is to be
 * dropped.
 */
int attach_receive(struct attach_server *server, struct attach_client *client);

/* Sends one buffer, a gap or the exit, and drops a client that is done. Returns whether there may be more to send. */
bool attach_send(struct attach_server *server, struct attach_client *client);

#endif

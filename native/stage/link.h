/* Messages between the monitor and the new process: one byte each, some of them with a descriptor. */
#ifndef TERRARIUM_LINK_H
#define TERRARIUM_LINK_H

#include "context.h"

enum message {
  MESSAGE_RELEASE = 'r',  /* monitor: ids are mapped, go on */
  MESSAGE_TERMINAL = 't', /* init: here is the master of the pty */
  MESSAGE_LISTENER = 'l', /* init: here is the listener of its seccomp filter */
  MESSAGE_FORKED = 'f',   /* init: this pidfd goes on in my place */
  MESSAGE_READY = 'y',    /* init: the root is entered */
  MESSAGE_GO = 'g',       /* monitor: it is held */
};

/* Return 0 or -errno. */
int send_message(int link_fd, enum message message);
/* With a descriptor, to the monitor. Recorded. */
int send_descriptor(struct context *context, enum message message, int fd);
/* Waits for the next message: it, 0 when the other side has gone, or -errno. A descriptor goes to `*fd`. */
int receive_message(int link_fd, int *fd);

#endif

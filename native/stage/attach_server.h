/* The monitor's side of attach: clients of its socket, each served from the log at an offset of its own. */
#ifndef TERRARIUM_ATTACH_SERVER_H
#define TERRARIUM_ATTACH_SERVER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exit_record.h"
#include "frame.h"
#include "output.h"
#include "process_input.h"

enum { ATTACH_CLIENTS = 32 };

struct attach_client {
  int fd;              /* -1: a free place */
  bool hello;          /* said; before that it gets nothing */
  bool hold;           /* the process waits for it */
  bool mounts;         /* hears when mounts change, and gets no output */
  bool mounts_changed; /* and has not been told yet */
  bool passed;         /* got all that the log lost, or has heard of it: it is not told of the gap */
  bool input_over;     /* it has closed its sending side */
  bool input_blocked;  /* its next input waits for the process to read */
  uint8_t have;        /* bytes of the message that have come */
  uint32_t input_left; /* bytes of the current input message that have not come */
  uint32_t frame_left; /* bytes of the current frame that have not gone */
  uint64_t offset;     /* in the stream: the next byte to go */
  uint64_t deadline;   /* CLOCK_MONOTONIC ms after which it is dropped, 0: none */
  char message[sizeof(struct message_header) + sizeof(struct hello)];
};

struct attach_server {
  int listen_fd; /* -1: no longer */
  struct output *output;
  struct process_input *input;
  bool withheld;          /* a frame that the log refused waits for attach_can_pass */
  bool ended;             /* `exit` is to be told */
  struct exit_frame exit;
  struct attach_client clients[ATTACH_CLIENTS];
};

/* A listening socket at `path`, 0600, in the place of an old one. Returns it, or -errno. */
int attach_listen(const char *path);

void attach_server_open(struct attach_server *server, int listen_fd, struct output *output,
                        struct process_input *input);

/* Takes the connections that wait. Returns 0, or -errno when there is no descriptor for one: to be tried later. */
int attach_accept(struct attach_server *server, uint64_t now);

/* What to poll a client for, and what to do about the answer. */
struct pollfd attach_poll(const struct attach_server *server, const struct attach_client *client);
void attach_handle(struct attach_server *server, struct attach_client *client, short events);

/* Clients wait for the process to read its input. */
bool attach_input_blocked(const struct attach_server *server);
void attach_unblock_input(struct attach_server *server);

/* Sends what clients have not had and can take, and drops those whose time is over. */
void attach_serve(struct attach_server *server, uint64_t now);

/* Earliest deadline (CLOCK_MONOTONIC ms), 0: none. */
uint64_t attach_deadline(const struct attach_server *server);

/* Whether the process may write more: no client that holds it lags too far, or would lose what rotation drops. */
bool attach_allows_output(const struct attach_server *server);
bool attach_allows_rotation(const struct attach_server *server);

/* Whether all clients that hold have had the whole log and have room for a frame: passed one, they lose nothing. */
bool attach_can_pass(const struct attach_server *server);

/*
 * Hands a frame that the log has refused to those who have had everything before it. `losing`: earlier ones were
 * refused too, and no gap frame is written yet.
 */
void attach_pass(struct attach_server *server, const struct frame_header *header, const void *payload, bool losing);

/* A gap frame was written at `offset`: who was passed all that is missing does not get it. */
void attach_skip_gap(struct attach_server *server, uint64_t offset);

/* Whether somebody wants to hear when mounts of the process change. */
bool attach_wants_mounts(const struct attach_server *server);

/* They are others now. Told once to who has not taken the last word of it, however often they change meanwhile. */
void attach_mounts_changed(struct attach_server *server);

/* The process has ended: tells it to each client behind the output, and takes no more connections. */
void attach_end(struct attach_server *server, const struct exit_frame *exit, uint64_t now);

size_t attach_count(const struct attach_server *server);

#endif

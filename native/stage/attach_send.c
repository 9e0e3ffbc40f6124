/* Output to clients: from the log, at the offset of each. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "attach_client_io.h"

/* Sends a small frame made here. Returns whether it went; else it is to be tried again, or the client was dropped. */
static bool send_made(struct attach_client *client, const void *frame, size_t size) {
  ssize_t sent = send(client->fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == (ssize_t)size) return true;
  /* A part of a frame that is in no file cannot be continued later. Linux sends so few bytes whole or not at all. */
  if (sent >= 0 || errno != EAGAIN) attach_drop(client);
  return false;
}

/* Follows frames from `first` to the first one that begins at or behind `target`, or is not there whole. */
static size_t frame_after(size_t first, const char *bytes, size_t size, size_t target) {
  struct frame_header header;
  size_t at = first;
  while (at < target && size - at >= sizeof header) {
    memcpy(&header, bytes + at, sizeof header);
    if (header.bytes > FRAME_PAYLOAD_MAX || size - at - sizeof header < header.bytes) break;
    at += sizeof header + header.bytes;
  }
  return at;
}

/* Sends whole frames from the log. Returns whether there may be more to do. */
static bool send_logged(struct attach_server *server, struct attach_client *client) {
  ssize_t count = output_read(server->output, client->offset, attach_buffer, sizeof attach_buffer);
  size_t size = 0;
  if (count > 0) size = (size_t)count;
  if (client->frame_left < size) size = frame_after(client->frame_left, attach_buffer, size, size);
  if (size == 0) {
    /* Somebody has cut or changed the file: what was there cannot be had any more. */
    attach_drop(client);
    return false;
  }
  ssize_t sent = send(client->fd, attach_buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN) attach_drop(client);
    return false;
  }
  size_t next = client->frame_left;
  if ((size_t)sent > next) next = frame_after(next, attach_buffer, size, (size_t)sent);
  client->frame_left = (uint32_t)(next - (size_t)sent);
  client->offset += (uint64_t)sent;
  return true;
}

static bool send_gap(struct attach_client *client, uint64_t lost) {
  struct gap_frame gap = {.header = {.bytes = sizeof gap.lost, .type = FRAME_GAP, .time = frame_time()}, .lost = lost};
  return send_made(client, &gap, sizeof gap);
}

/* The last there is to send. What the disk refused at the very end is in no file. */
static void send_end(const struct attach_server *server, struct attach_client *client) {
  if (server->output->lost > 0 && !client->passed && !client->mounts) {
    client->passed = send_gap(client, server->output->lost);
    if (!client->passed) return;
  }
  if (send_made(client, &server->exit, sizeof server->exit)) attach_drop(client);
}

/* To who hears of mounts alone. */
static void send_mounts(const struct attach_server *server, struct attach_client *client) {
  const struct frame_header header = {.type = FRAME_MOUNTS, .time = frame_time()};
  if (client->mounts_changed && send_made(client, &header, sizeof header)) client->mounts_changed = false;
  if (server->ended && client->fd >= 0 && !client->mounts_changed) send_end(server, client);
}

bool attach_send(struct attach_server *server, struct attach_client *client) {
  if (client->mounts) {
    send_mounts(server, client);
    return false;
  }
  uint64_t oldest = output_oldest(server->output);
  if (client->offset < oldest) {
    if (client->frame_left > 0) {
      attach_drop(client);
      return false;
    }
    if (!send_gap(client, oldest - client->offset)) return false;
    client->offset = oldest;
  }
  if (client->offset < server->output->current.end) return send_logged(server, client);
  if (server->ended) send_end(server, client);
  return false;
}

bool attach_writable(const struct attach_client *client) {
  struct pollfd polled = {.fd = client->fd, .events = POLLOUT};
  return poll(&polled, 1, 0) > 0;
}

bool attach_can_pass(const struct attach_server *server) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) {
    const struct attach_client *client = &server->clients[i];
    if (!attach_holds(client)) continue;
    if (client->offset != server->output->current.end || !attach_writable(client)) return false;
  }
  return true;
}

void attach_pass(struct attach_server *server, const struct frame_header *header, const void *payload, bool losing) {
  size_t size = sizeof *header + header->bytes;
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) {
    struct attach_client *client = &server->clients[i];
    if (client->fd < 0 || !client->hello || client->mounts) continue;
    bool had_all = client->offset == server->output->current.end && (!losing || client->passed);
    client->passed = false;
    if (!had_all) continue;
    struct iovec parts[2] = {{(void *)header, sizeof *header}, {(void *)payload, header->bytes}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    client->passed = sent == (ssize_t)size;
    if (!client->passed && (sent >= 0 || errno != EAGAIN)) attach_drop(client);
  }
}

void attach_skip_gap(struct attach_server *server, uint64_t offset) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) {
    struct attach_client *client = &server->clients[i];
    if (client->fd >= 0 && client->passed && client->offset == offset) client->offset += sizeof(struct gap_frame);
    client->passed = false;
  }
}

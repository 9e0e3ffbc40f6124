/* Messages of clients: said hello, given to the process. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "attach_client_io.h"

/* Hello, once: where this client's output begins. */
static bool begin(struct attach_server *server, struct attach_client *client, const struct hello *hello) {
  if (client->hello || hello->version != HELLO_VERSION) return false;
  const struct output *output = server->output;
  uint64_t end = output->current.end;
  client->hello = true;
  client->mounts = hello->flags & HELLO_MOUNTS;
  /* What changed before it was heard of is for the client to see when it hears this. */
  client->mounts_changed = client->mounts;
  client->hold = (hello->flags & HELLO_HOLD) && !client->mounts;
  client->offset = end;
  if (hello->flags & HELLO_FROM_START) {
    client->offset = output->start;
  } else if (hello->flags & HELLO_REPLAY) {
    client->offset = output_boundary(output, hello->replay < end ? end - hello->replay : 0);
  }
  if (!server->ended) client->deadline = 0;
  return true;
}

/* Acts on a message that is whole. Returns 0, -EAGAIN when the process does not take it yet, -EBADMSG. */
static int act(struct attach_server *server, struct attach_client *client) {
  struct message_header header;
  memcpy(&header, client->message, sizeof header);
  const char *payload = client->message + sizeof header;
  if (header.type == MESSAGE_HELLO) {
    struct hello hello;
    memcpy(&hello, payload, sizeof hello);
    return begin(server, client, &hello) ? 0 : -EBADMSG;
  }
  if (header.type == MESSAGE_END) return input_end(server->input);
  if (header.type == MESSAGE_RESIZE) {
    struct resize size;
    memcpy(&size, payload, sizeof size);
    /* A terminal that is hung up has no size: nothing to tell anybody. */
    (void)input_resize(server->input, size);
    return 0;
  }
  uint32_t number;
  memcpy(&number, payload, sizeof number);
  /* A process that has just ended, or a number that is no signal: the client hears of the end, or sees no effect. */
  (void)input_signal(server->input, number);
  return 0;
}

/* Bytes of payload that a type must have; input has any up to the maximum. False: no message of ours. */
static bool well_formed(const struct attach_client *client, const struct message_header *header) {
  if (!client->hello && header->type != MESSAGE_HELLO) return false;
  switch (header->type) {
    case MESSAGE_HELLO:
      return header->bytes == sizeof(struct hello);
    case MESSAGE_INPUT:
      return header->bytes <= MESSAGE_PAYLOAD_MAX;
    case MESSAGE_END:
      return header->bytes == 0;
    case MESSAGE_RESIZE:
      return header->bytes == sizeof(struct resize);
    case MESSAGE_SIGNAL:
      return header->bytes == sizeof(uint32_t);
    default:
      return false;
  }
}

static ssize_t receive(const struct attach_client *client, void *to, size_t size, int flags) {
  ssize_t count = recv(client->fd, to, size, flags | MSG_DONTWAIT);
  if (count < 0) return -errno;
  return count == 0 ? -ENODATA : count;
}

/* Input goes from the socket to the process, and only what the process has taken leaves the socket. */
static int receive_input(struct attach_server *server, struct attach_client *client) {
  size_t size = client->input_left < 4096 ? client->input_left : 4096;
  ssize_t count = receive(client, attach_buffer, size, MSG_PEEK);
  if (count < 0) return (int)count;
  ssize_t taken = input_write(server->input, attach_buffer, (size_t)count);
  if (taken < 0) {
    client->input_blocked = true;
    return -EAGAIN;
  }
  count = receive(client, attach_buffer, (size_t)taken, 0);
  if (count != taken) return -EBADMSG;
  client->input_left -= (uint32_t)taken;
  return 0;
}

int attach_receive(struct attach_server *server, struct attach_client *client) {
  if (client->input_left > 0) return receive_input(server, client);
  struct message_header header;
  size_t want = sizeof header;
  if (client->have >= sizeof header) {
    memcpy(&header, client->message, sizeof header);
    want += header.bytes;
  }
  if (client->have < want) {
    ssize_t count = receive(client, client->message + client->have, want - client->have, 0);
    if (count < 0) return (int)count;
    client->have += (uint8_t)count;
    if (client->have < want) return 0;
  }
  memcpy(&header, client->message, sizeof header);
  if (want == sizeof header) {
    if (!well_formed(client, &header)) return -EBADMSG;
    if (header.type == MESSAGE_INPUT) {
      client->input_left = header.bytes;
      client->have = 0;
      return 0;
    }
    if (header.bytes > 0) return 0;
  }
  int result = act(server, client);
  if (result == -EAGAIN) client->input_blocked = true;
  if (result == 0) client->have = 0;
  return result;
}

#define _GNU_SOURCE
#include "attach_server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach_client_io.h"
#include "fd.h"
#include "peer.h"

enum {
  HOLD_BYTES = 1024 * 1024, /* how far a client that holds the process may lag */
  HELLO_MS = 5000,          /* to say hello */
  END_MS = 2000,            /* to read the rest after the end */
  HOLD_END_MS = 10000,      /* the same for a client that holds: since it last read something */
  INPUT_ROUNDS = 64,        /* pieces of messages from one client before it is the next one's turn */
  SERVE_ROUNDS = 16,        /* buffers for one client before it is the next one's turn */
};

char attach_buffer[2 * FRAME_PAYLOAD_MAX];

int attach_listen(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  mode_t mask = umask(0177);
  bool bound = (unlink(path) == 0 || errno == ENOENT) && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
  int error = errno;
  umask(mask);
  if (bound) {
    if (listen(fd, ATTACH_CLIENTS) == 0) return fd;
    error = errno;
    unlink(path);
  }
  close(fd);
  return -error;
}

void attach_server_open(struct attach_server *server, int listen_fd, struct output *output,
                        struct process_input *input) {
  memset(server, 0, sizeof *server);
  server->listen_fd = listen_fd;
  server->output = output;
  server->input = input;
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) server->clients[i].fd = -1;
}

void attach_drop(struct attach_client *client) { close_fd(&client->fd); }

static struct attach_client *free_place(struct attach_server *server) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++)
    if (server->clients[i].fd < 0) return &server->clients[i];
  return NULL;
}

int attach_accept(struct attach_server *server, uint64_t now) {
  for (;;) {
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno == EAGAIN) return 0;
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return -errno;
    }
    struct attach_client *client = free_place(server);
    if (!client || !peer_is_user(fd)) {
      close(fd);
      continue;
    }
    *client = (struct attach_client){.fd = fd, .deadline = now + HELLO_MS};
  }
}

struct pollfd attach_poll(const struct attach_server *server, const struct attach_client *client) {
  bool behind = client->mounts ? client->mounts_changed : client->offset < server->output->current.end;
  bool pending = client->hello && (behind || server->ended);
  /* Asked of those with room it would be answered at once, while another one is waited for. */
  if (server->withheld && attach_holds(client) && !attach_writable(client)) pending = true;
  bool receive = !client->input_over && !client->input_blocked;
  return (struct pollfd){.fd = client->fd, .events = (short)((receive ? POLLIN : 0) | (pending ? POLLOUT : 0))};
}

void attach_handle(struct attach_server *server, struct attach_client *client, short events) {
  int result = 0;
  /* Dropped since it was polled. */
  if (client->fd < 0) return;
  if (!client->input_over && !client->input_blocked && (events & (POLLIN | POLLHUP | POLLERR))) {
    for (int round = 0; result == 0 && round < INPUT_ROUNDS; round++) result = attach_receive(server, client);
    client->input_over = result == -ENODATA;
  }
  /* It is gone: what the process has not taken of its input is lost with it. */
  bool gone = (events & (POLLHUP | POLLERR)) && (client->input_over || client->input_blocked);
  if (gone || (result < 0 && result != -EAGAIN && result != -ENODATA)) attach_drop(client);
}

bool attach_input_blocked(const struct attach_server *server) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++)
    if (server->clients[i].fd >= 0 && server->clients[i].input_blocked) return true;
  return false;
}

void attach_unblock_input(struct attach_server *server) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) {
    struct attach_client *client = &server->clients[i];
    if (client->fd < 0 || !client->input_blocked) continue;
    client->input_blocked = false;
    attach_handle(server, client, POLLIN);
  }
}

void attach_serve(struct attach_server *server, uint64_t now) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) {
    struct attach_client *client = &server->clients[i];
    uint64_t before = client->offset;
    for (int round = 0; client->fd >= 0 && client->hello && round < SERVE_ROUNDS; round++)
      if (!attach_send(server, client)) break;
    if (client->fd < 0) continue;
    if (server->ended && client->hold && client->offset != before) client->deadline = now + HOLD_END_MS;
    if (client->deadline != 0 && client->deadline <= now) attach_drop(client);
  }
}

uint64_t attach_deadline(const struct attach_server *server) {
  uint64_t deadline = 0;
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) {
    const struct attach_client *client = &server->clients[i];
    if (client->fd < 0 || client->deadline == 0) continue;
    if (deadline == 0 || client->deadline < deadline) deadline = client->deadline;
  }
  return deadline;
}

bool attach_holds(const struct attach_client *client) { return client->fd >= 0 && client->hello && client->hold; }

bool attach_allows_rotation(const struct attach_server *server) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++)
    if (attach_holds(&server->clients[i]) && server->clients[i].offset < server->output->current.base) return false;
  return true;
}

bool attach_allows_output(const struct attach_server *server) {
  const struct output *output = server->output;
  for (size_t i = 0; i < ATTACH_CLIENTS; i++)
    if (attach_holds(&server->clients[i]) && output->current.end - server->clients[i].offset > HOLD_BYTES) return false;
  return !output_near_limit(output) || attach_allows_rotation(server);
}

bool attach_wants_mounts(const struct attach_server *server) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++)
    if (server->clients[i].fd >= 0 && server->clients[i].mounts) return true;
  return false;
}

void attach_mounts_changed(struct attach_server *server) {
  for (size_t i = 0; i < ATTACH_CLIENTS; i++)
    if (server->clients[i].mounts) server->clients[i].mounts_changed = true;
}

void attach_end(struct attach_server *server, const struct exit_frame *exit, uint64_t now) {
  server->ended = true;
  server->exit = *exit;
  if (server->listen_fd >= 0) {
    /* Who has connected before the socket was unlinked is still served; the others find nobody there. */
    (void)attach_accept(server, now);
    close(server->listen_fd);
    server->listen_fd = -1;
  }
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) {
    struct attach_client *client = &server->clients[i];
    if (client->fd >= 0) client->deadline = now + (client->hold ? HOLD_END_MS : END_MS);
  }
}

size_t attach_count(const struct attach_server *server) {
  size_t count = 0;
  for (size_t i = 0; i < ATTACH_CLIENTS; i++) count += server->clients[i].fd >= 0;
  return count;
}

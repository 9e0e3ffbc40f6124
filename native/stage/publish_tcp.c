#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "fd.h"
#include "publish.h"

enum {
  PASS_AT_ONCE = 64 * 1024, /* a pipe's room: pipe(7) */
  ROUNDS = 16,              /* then it is the turn of the other connections */
};

/* One way of a connection: what is read waits in a pipe, and never comes into our memory. */
struct way {
  int pipe[2];
  size_t held;
  bool ended; /* nothing more comes */
  bool told;  /* and the other side knows */
};

struct connection {
  struct source source;
  struct connection *next_closed;
  int client, server;
  uint32_t client_events, server_events;
  bool connecting, closed;
  struct way in, out; /* from the client, to the client */
};

struct listener {
  struct source source;
  int fd;
};

static struct {
  struct listener listeners[PLACES];
  int epoll_fd;
  in_port_t port_inside;
} relay;

static struct connection *closed_ones;

static void close_connection(struct connection *connection) {
  if (connection->closed) return;
  connection->closed = true;
  int *fds[] = {&connection->client,      &connection->server,      &connection->in.pipe[0],
                &connection->in.pipe[1],  &connection->out.pipe[0], &connection->out.pipe[1]};
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) close_fd(fds[i]);
  connection->next_closed = closed_ones;
  closed_ones = connection;
}

void publish_tcp_tidy(void) {
  while (closed_ones != NULL) {
    struct connection *connection = closed_ones;
    closed_ones = connection->next_closed;
    free(connection);
  }
}

/* The client sees a reset: nobody listens inside, as it would see it if it were there. */
static void refuse(struct connection *connection) {
  const struct linger at_once = {.l_onoff = 1};
  /* Without it the client sees an end instead, which is as good as can be done. */
  (void)setsockopt(connection->client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close_connection(connection);
}

/* Returns bytes, 0 at the end, or -1; EAGAIN: nothing can be moved now. */
static ssize_t move(int from, int to, size_t size) {
  ssize_t moved;
  do moved = splice(from, NULL, to, NULL, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  while (moved < 0 && errno == EINTR);
  return moved;
}

/* Moves what can be moved. It is read only when nothing waits to be written. Returns false when the connection is broken. */
static bool pass(struct way *way, int from, int to) {
  for (int round = 0; round < ROUNDS; round++) {
    if (way->held == 0 && !way->ended) {
      ssize_t moved = move(from, way->pipe[1], PASS_AT_ONCE);
      if (moved < 0) return errno == EAGAIN;
      way->held = (size_t)moved;
      way->ended = moved == 0;
    }
    while (way->held > 0) {
      ssize_t moved = move(way->pipe[0], to, way->held);
      if (moved < 0) return errno == EAGAIN;
      way->held -= (size_t)moved;
    }
    if (!way->ended) continue;
    if (!way->told && shutdown(to, SHUT_WR) < 0) return false;
    way->told = true;
    return true;
  }
  return true;
}

static uint32_t wanted_of(const struct way *from_it, const struct way *to_it) {
  return (from_it->held == 0 && !from_it->ended ? (uint32_t)EPOLLIN : 0) | (to_it->held > 0 ? (uint32_t)EPOLLOUT : 0);
}

static bool await(struct connection *connection) {
  uint32_t client = wanted_of(&connection->in, &connection->out);
  uint32_t server = wanted_of(&connection->out, &connection->in);
  if (connection->connecting) {
    client = 0;
    server = EPOLLOUT;
  }
  struct source *source = &connection->source;
  return await_events(relay.epoll_fd, connection->client, source, &connection->client_events, client) == 0 &&
         await_events(relay.epoll_fd, connection->server, source, &connection->server_events, server) == 0;
}

static void advance(struct source *source, uint32_t events) {
  struct connection *connection = (struct connection *)source;
  if (connection->closed) return;
  if (connection->connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(connection->server, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
      refuse(connection);
      return;
    }
    connection->connecting = false;
  } else if (events & EPOLLERR) {
    refuse(connection);
    return;
  }
  if (!pass(&connection->in, connection->client, connection->server) ||
      !pass(&connection->out, connection->server, connection->client)) {
    refuse(connection);
    return;
  }
  if ((connection->in.told && connection->out.told) || !await(connection)) close_connection(connection);
}

static int connect_inside(void) {
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = relay.port_inside, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) return -1;
  return steal_fd(&fd);
}

static void begin(int client) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) {
    close(client);
    return;
  }
  *connection = (struct connection){.source.ready = advance,
                                    .client = client,
                                    .server = connect_inside(),
                                    .connecting = true,
                                    .in.pipe = {-1, -1},
                                    .out.pipe = {-1, -1}};
  if (connection->server < 0 || pipe2(connection->in.pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
      pipe2(connection->out.pipe, O_CLOEXEC | O_NONBLOCK) < 0 || !await(connection)) {
    refuse(connection);
  }
}

static void take_clients(struct source *source, uint32_t events) {
  (void)events;
  struct listener *listener = (struct listener *)source;
  for (;;) {
    int client = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client >= 0) {
      begin(client);
      continue;
    }
    if (errno == ECONNABORTED || errno == EINTR) continue;
    /* Out of descriptors or memory: what is waiting will not be less so in a busy loop. */
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    if (errno != EAGAIN) nanosleep(&pause, NULL);
    return;
  }
}

int publish_tcp(int epoll_fd, const int *listen_fds, size_t count, in_port_t port_inside) {
  relay.epoll_fd = epoll_fd;
  relay.port_inside = port_inside;
  for (size_t i = 0; i < count; i++) {
    struct listener *listener = &relay.listeners[i];
    *listener = (struct listener){.source.ready = take_clients, .fd = listen_fds[i]};
    uint32_t nothing = 0;
    if (await_events(epoll_fd, listener->fd, &listener->source, &nothing, EPOLLIN) < 0) return -1;
  }
  return 0;
}

#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "fd.h"
#include "publish.h"

enum { FLOWS = 256, AT_ONCE = 64, DATAGRAM_MAX = 65536 };

/* Datagrams of one sender: inside they come from a port of its own, so that answers find the way back. */
struct flow {
  struct source source;
  int fd;      /* connected to the port inside; -1: free */
  int outside; /* the socket that its datagrams came to, and its answers leave by */
  struct sockaddr_storage sender;
  socklen_t sender_size;
  uint64_t used; /* order of use */
};

struct receiver {
  struct source source;
  int fd;
};

static struct {
  struct receiver receivers[PLACES];
  int epoll_fd;
  in_port_t port_inside;
  uint64_t clock;
  struct flow flows[FLOWS];
  char datagram[DATAGRAM_MAX];
} relay;

/* Datagrams may get lost: one that cannot be passed on now is. */
static void answer(struct source *source, uint32_t events) {
  (void)events;
  struct flow *flow = (struct flow *)source;
  for (int i = 0; i < AT_ONCE && flow->fd >= 0; i++) {
    ssize_t size = recv(flow->fd, relay.datagram, sizeof relay.datagram, 0);
    /* ECONNREFUSED: nobody listened inside to the last one; reading the error has cleared it. */
    if (size < 0) return;
    flow->used = ++relay.clock;
    (void)sendto(flow->outside, relay.datagram, (size_t)size, MSG_NOSIGNAL, (struct sockaddr *)&flow->sender,
                 flow->sender_size);
  }
}

static int connect_inside(void) {
  const struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = relay.port_inside, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) return -1;
  return steal_fd(&fd);
}

/* The flow of this sender; the one that has been idle the longest is given up for a new one. NULL: it cannot be had. */
static struct flow *flow_of(int outside, const struct sockaddr_storage *sender, socklen_t size) {
  struct flow *oldest = &relay.flows[0];
  for (struct flow *flow = relay.flows; flow < relay.flows + FLOWS; flow++) {
    if (flow->fd >= 0 && flow->outside == outside && flow->sender_size == size &&
        memcmp(&flow->sender, sender, size) == 0)
      return flow;
    if (flow->used < oldest->used) oldest = flow;
  }
  close_fd(&oldest->fd);
  int fd = connect_inside();
  if (fd < 0) return NULL;
  *oldest =
      (struct flow){.source.ready = answer, .fd = fd, .outside = outside, .sender = *sender, .sender_size = size};
  uint32_t nothing = 0;
  if (await_events(relay.epoll_fd, fd, &oldest->source, &nothing, EPOLLIN) < 0) {
    close_fd(&oldest->fd);
    return NULL;
  }
  return oldest;
}

static void take_datagrams(struct source *source, uint32_t events) {
  (void)events;
  int outside = ((struct receiver *)source)->fd;
  for (int i = 0; i < AT_ONCE; i++) {
    /* Compared as a whole: no byte of it may be left from an earlier one. */
    struct sockaddr_storage sender = {0};
    socklen_t size = sizeof sender;
    ssize_t received =
        recvfrom(outside, relay.datagram, sizeof relay.datagram, 0, (struct sockaddr *)&sender, &size);
    if (received < 0) return;
    struct flow *flow = flow_of(outside, &sender, size);
    if (flow == NULL) continue;
    flow->used = ++relay.clock;
    (void)send(flow->fd, relay.datagram, (size_t)received, MSG_NOSIGNAL);
  }
}

int publish_udp(int epoll_fd, const int *outside_fds, size_t count, in_port_t port_inside) {
  relay.epoll_fd = epoll_fd;
  relay.port_inside = port_inside;
  for (size_t i = 0; i < FLOWS; i++) relay.flows[i].fd = -1;
  for (size_t i = 0; i < count; i++) {
    struct receiver *receiver = &relay.receivers[i];
    *receiver = (struct receiver){.source.ready = take_datagrams, .fd = outside_fds[i]};
    uint32_t nothing = 0;
    if (await_events(epoll_fd, receiver->fd, &receiver->source, &nothing, EPOLLIN) < 0) return -1;
  }
  return 0;
}

/*
 * A published port: a process that listens outside of a container and connects inside, for as long as the container is
 * there. Used by publish.c, which makes it and waits, publish_tcp.c and publish_udp.c, which pass on.
 */
#ifndef TERRARIUM_PUBLISH_H
#define TERRARIUM_PUBLISH_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* What epoll tells of; it is the first member of what it is part of. */
struct source {
  void (*ready)(struct source *source, uint32_t events);
};

/* Sets what is waited for on a descriptor: from `*current` to `wanted`, both EPOLL*, 0: nothing. Returns 0 or -1. */
int await_events(int epoll_fd, int fd, struct source *source, uint32_t *current, uint32_t wanted);

/* The most addresses that one process listens at: 127.0.0.1 and ::1. */
enum { PLACES = 2 };

/* Takes what comes to the listening sockets, which do not block. They are in another network namespace than we are. */
int publish_tcp(int epoll_fd, const int *listen_fds, size_t count, in_port_t port_inside);
int publish_udp(int epoll_fd, const int *outside_fds, size_t count, in_port_t port_inside);

/* To be called when all sources that were ready have been told: what was closed meanwhile is freed only now. */
void publish_tcp_tidy(void);

int publish_main(int argc, char **argv);

#endif

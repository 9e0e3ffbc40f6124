#define _GNU_SOURCE
#include "publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "failure.h"
#include "fd.h"
#include "process_stat.h"

struct place {
  struct sockaddr_storage address;
  socklen_t size;
};

struct publication {
  pid_t pid;
  uint64_t start_time;
  bool udp;
  struct place places[PLACES];
  size_t count;
  in_port_t port_inside;
};

int await_events(int epoll_fd, int fd, struct source *source, uint32_t *current, uint32_t wanted) {
  if (wanted == *current) return 0;
  /* One that nothing is wanted of is taken out: epoll tells of a hang-up whether asked or not, again and again. */
  int operation = *current == 0 ? EPOLL_CTL_ADD : wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  struct epoll_event event = {.events = wanted, .data.ptr = source};
  if (epoll_ctl(epoll_fd, operation, fd, &event) < 0) return -1;
  *current = wanted;
  return 0;
}

static bool parse_port(const char *text, in_port_t *port) {
  char *end;
  unsigned long number = strtoul(text, &end, 10);
  *port = htons((uint16_t)number);
  return *text >= '0' && *text <= '9' && *end == '\0' && number >= 1 && number <= 65535;
}

static bool parse_address(const char *text, in_port_t port, struct place *place) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    memcpy(&place->address, &v4, place->size = sizeof v4);
  } else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    memcpy(&place->address, &v6, place->size = sizeof v6);
  }
  return place->size > 0;
}

/* One address, or several with commas between them. */
static bool parse_addresses(char *text, in_port_t port, struct publication *publication) {
  char *rest = text;
  for (char *one = strsep(&rest, ","); one != NULL; one = strsep(&rest, ",")) {
    if (publication->count == PLACES || !parse_address(one, port, &publication->places[publication->count++])) return false;
  }
  return true;
}

static bool parse(int argc, char **argv, struct publication *publication) {
  in_port_t port;
  if (argc != 7) return false;
  char *end;
  long pid = strtol(argv[2], &end, 10);
  if (pid <= 0 || *end != ':') return false;
  publication->pid = (pid_t)pid;
  publication->start_time = strtoull(end + 1, &end, 10);
  publication->udp = strcmp(argv[3], "udp") == 0;
  return *end == '\0' && (publication->udp || strcmp(argv[3], "tcp") == 0) && parse_port(argv[5], &port) &&
         parse_addresses(argv[4], port, publication) && parse_port(argv[6], &publication->port_inside);
}

/* Before the container's network namespace is entered: a socket stays in the one it was made in. */
static int listen_outside(const struct place *place, bool udp, struct failure *failure) {
  const int yes = 1;
  AUTO_CLOSE int fd =
      socket(place->address.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed(failure, "socket");
  /* Connections that have ended keep a port for a minute; two UDP sockets could share it, and one get nothing. */
  if (!udp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0)
    return failed(failure, "setsockopt");
  /* :: means IPv6 alone; who wants both publishes twice. */
  if (place->address.ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) < 0)
    return failed(failure, "setsockopt");
  if (bind(fd, (const struct sockaddr *)&place->address, place->size) < 0)
    return failed(failure, "bind");
  if (!udp && listen(fd, SOMAXCONN) < 0) return failed(failure, "listen");
  return steal_fd(&fd);
}

/* Enters the network namespace of the container. Returns its pidfd, which becomes readable when the container ends. */
static int enter_network(const struct publication *publication, struct failure *failure) {
  AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, publication->pid, 0);
  if (pidfd < 0) return failed(failure, "pidfd_open");
  /* Read after the pidfd was taken: if it is still the one meant now, it was then. */
  struct process_stat stat;
  int error = process_stat_read(publication->pid, &stat);
  if (error < 0 || stat.start_time != publication->start_time) {
    errno = error < 0 ? -error : ESRCH;
    return failed(failure, "pidfd_open");
  }
  return setns(pidfd, CLONE_NEWNET) < 0 ? failed(failure, "setns") : steal_fd(&pidfd);
}

/* What comes from outside and from the container is all it sees from here on: it keeps no right that it does not need. */
static int give_up_privileges(struct failure *failure) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  const struct __user_cap_data_struct none[2] = {0};
  if (syscall(SYS_capset, &header, none) < 0) return failed(failure, "capset");
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? failed(failure, "prctl") : 0;
}

/* Each connection takes six descriptors. */
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
  limit.rlim_cur = limit.rlim_max;
  /* With the limit as it was there is room for fewer. */
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Leaves the process tree of whoever started us, which learns our pid on its standard output. */
static int leave(struct failure *failure) {
  pid_t child = fork();
  if (child < 0) return failed(failure, "fork");
  if (child > 0) {
    int written = printf("ok %d\n", child);
    _exit(written > 0 && fflush(stdout) == 0 ? 0 : 1);
  }
  if (setsid() < 0) _exit(1);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int stream = 0; stream <= 2; stream++) {
    if (dup2(null, stream) < 0) _exit(1);
  }
  close(null);
  return 0;
}

static _Noreturn void end(struct source *source, uint32_t events) {
  (void)source;
  (void)events;
  _exit(0);
}

static _Noreturn void serve(int epoll_fd) {
  struct epoll_event events[64];
  for (;;) {
    int count = epoll_wait(epoll_fd, events, sizeof events / sizeof *events, -1);
    if (count < 0 && errno != EINTR) _exit(1);
    for (int i = 0; i < count; i++) {
      struct source *source = events[i].data.ptr;
      source->ready(source, events[i].events);
    }
    publish_tcp_tidy();
  }
}

static int publish(const struct publication *publication, struct failure *failure) {
  static struct source ending = {.ready = end};
  uint32_t nothing = 0;
  if (close_range(3, ~0u, 0) < 0) return failed(failure, "close_range");
  int listen_fds[PLACES];
  for (size_t i = 0; i < publication->count; i++) {
    listen_fds[i] = listen_outside(&publication->places[i], publication->udp, failure);
    if (listen_fds[i] < 0) return -1;
  }
  int pidfd = enter_network(publication, failure);
  if (pidfd < 0 || give_up_privileges(failure) < 0) return -1;
  raise_descriptor_limit();
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return failed(failure, "epoll_create1");
  int begun = publication->udp ? publish_udp(epoll_fd, listen_fds, publication->count, publication->port_inside)
                               : publish_tcp(epoll_fd, listen_fds, publication->count, publication->port_inside);
  if (begun < 0 || await_events(epoll_fd, pidfd, &ending, &nothing, EPOLLIN) < 0) return failed(failure, "epoll_ctl");
  if (leave(failure) < 0) return -1;
  serve(epoll_fd);
}

int publish_main(int argc, char **argv) {
  struct publication publication = {0};
  if (!parse(argc, argv, &publication)) {
    fputs("usage: terrarium-stage publish PID:STARTTIME tcp|udp ADDRESS[,ADDRESS] PORT PORT-INSIDE\n", stderr);
    return 2;
  }
  for (int number = 1; number < NSIG; number++) signal(number, number == SIGPIPE || number == SIGHUP ? SIG_IGN : SIG_DFL);
  if (chdir("/") < 0) return 1;
  struct failure failure = {0};
  if (publish(&publication, &failure) < 0) {
    const char *name = strerrorname_np(failure.error);
    printf("error %s %s %s\n", failure.call, name == NULL ? "?" : name, failure.text);
  }
  return 1;
}

#define _GNU_SOURCE
#include "zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "detach.h"
#include "failure.h"
#include "fd.h"
#include "peer.h"
#include "request.h"
#include "seal.h"
#include "title.h"
#include "user_namespace.h"

struct options {
  const char *socket;
  const char *ready;
  const char *uid_map;
  const char *gid_map;
  bool daemonize;
  bool entered;
};

static bool parse(int argc, char **argv, struct options *options) {
  static const struct option known[] = {
      {"socket", required_argument, NULL, 's'},  {"ready", required_argument, NULL, 'r'},
      {"uid-map", required_argument, NULL, 'u'}, {"gid-map", required_argument, NULL, 'g'},
      {"daemonize", no_argument, NULL, 'd'},     {"entered", no_argument, NULL, 'e'},
      {0},
  };
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    switch (option) {
      case 's':
        options->socket = optarg;
        break;
      case 'r':
        options->ready = optarg;
        break;
      case 'u':
        options->uid_map = optarg;
        break;
      case 'g':
        options->gid_map = optarg;
        break;
      case 'd':
        options->daemonize = true;
        break;
      case 'e':
        options->entered = true;
        break;
      default:
        return false;
    }
  }
  return optind == argc && options->socket != NULL && options->ready != NULL &&
         (options->uid_map == NULL) == (options->gid_map == NULL);
}

/* Tells whoever started us, in one line. Returns the exit status. */
static int report(const char *ready, const struct failure *failure) {
  struct failure unheard;
  AUTO_CLOSE int fd = connect_to(ready, &unheard);
  if (fd < 0) return 1;
  const char *name = failure == NULL ? NULL : strerrorname_np(failure->error);
  int written = failure == NULL
                    ? dprintf(fd, "ok %d\n", getpid())
                    : dprintf(fd, "error %s %s %s\n", failure->call, name == NULL ? "?" : name, failure->text);
  return failure == NULL && written > 0 ? 0 : 1;
}

/*
 * The program is executed once more after the namespace is entered, not before: the memory of a program belongs to the
 * user namespace it was executed in, and only then may our monitors look at processes that are not dumpable.
 */
static int settle(char **argv, const struct options *options, struct failure *failure) {
  if (clean_descriptors(options->daemonize, failure) < 0) return -1;
  if (options->daemonize && leave_tree(failure) < 0) return -1;
  if (!options->entered && enter_new_user_namespace(options->uid_map, options->gid_map, failure) < 0) return -1;
  return execute_sealed(argv, failure);
}

/* Binds under a name of its own and renames, so that an old socket is replaced without a moment of none. */
static int listen_at(const char *path, struct failure *failure) {
  char own[sizeof(((struct sockaddr_un *)0)->sun_path)];
  struct sockaddr_un address;
  AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(failure, "socket");
  if (snprintf(own, sizeof own, "%s.%d", path, getpid()) >= (int)sizeof own || !set_address(&address, own)) {
    errno = ENAMETOOLONG;
    return failed(failure, "bind");
  }
  if (unlink(own) < 0 && errno != ENOENT) return failed(failure, "unlink");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return failed(failure, "bind");
  const char *call = chmod(own, 0600) < 0 ? "chmod" : listen(fd, SOMAXCONN) < 0 ? "listen" : rename(own, path) < 0 ? "rename" : NULL;
  if (call == NULL) return steal_fd(&fd);
  failed(failure, call);
  unlink(own);
  return -1;
}

static void accept_request(int listen_fd) {
  AUTO_CLOSE int connection = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
  if (connection < 0) {
    /* Out of descriptors or memory: what is waiting will not be less so in a busy loop. */
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    if (errno != ECONNABORTED && errno != EINTR) nanosleep(&pause, NULL);
    return;
  }
  /* Nobody else may have a say. */
  if (!peer_is_user(connection)) return;
  pid_t monitor = fork();
  if (monitor == 0) {
    close(listen_fd);
    request_serve(connection);
  }
  if (monitor < 0) request_refuse(connection, errno);
}

/* The arguments are wiped: monitors and inits of ours are forks, and containers can read what theirs shows. */
static int take_over(int argc, char **argv, struct options *options) {
  options->socket = strdup(options->socket);
  options->ready = strdup(options->ready);
  if (options->socket == NULL || options->ready == NULL) return -1;
  title_prepare(argc, argv);
  title_set("terrarium zygote");
  return 0;
}

static int serve(const struct options *options) {
  struct failure failure = {0};
  default_signals();
  static const int ignored[] = {SIGHUP, SIGINT, SIGPIPE, SIGCHLD};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  /* Its name would be the number of the descriptor it was executed from. */
  prctl(PR_SET_NAME, "terrarium-stage");
  if (clean_descriptors(false, &failure) < 0) return report(options->ready, &failure);
  int listen_fd = listen_at(options->socket, &failure);
  if (listen_fd < 0) return report(options->ready, &failure);
  /* That nobody hears it is no reason to end: the socket is there for whoever comes next. */
  (void)report(options->ready, NULL);
  for (;;) accept_request(listen_fd);
}

int zygote_main(int argc, char **argv) {
  struct options options = {0};
  if (!parse(argc - 1, argv + 1, &options)) {
    fputs("usage: terrarium-stage zygote --socket PATH --ready PATH [--uid-map MAP --gid-map MAP | --entered] [--daemonize]\n", stderr);
    return 2;
  }
  umask(077);
  if (chdir("/") < 0) return 1;
  if (is_sealed()) return take_over(argc, argv, &options) < 0 ? 1 : serve(&options);
  struct failure failure = {0};
  settle(argv, &options, &failure);
  return report(options.ready, &failure);
}

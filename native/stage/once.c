#define _GNU_SOURCE
#include "once.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "detach.h"
#include "failure.h"
#include "fd.h"
#include "peer.h"
#include "request.h"
#include "seal.h"
#include "title.h"

/*
 * The zygote sits in a user namespace of its own, where nobody has a say over other children of the machine's. A process
 * that enters one of those has to come from outside, as this one does. It listens nowhere: outside of all user
 * namespaces nobody but who started it may hand it a plan.
 */

struct options {
  const char *connect;
  bool daemonize;
};

static bool parse(int argc, char **argv, struct options *options) {
  static const struct option known[] = {
      {"connect", required_argument, NULL, 'c'},
      {"daemonize", no_argument, NULL, 'd'},
      {0},
  };
  for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    if (option == 'c') options->connect = optarg;
    else if (option == 'd') options->daemonize = true;
    else return false;
  }
  return optind == argc && options->connect != NULL;
}

/* Becomes a copy of the program that nobody can write to, away from who started it. Returns only on failure. */
static int settle(char **argv, const struct options *options, struct failure *failure) {
  if (clean_descriptors(options->daemonize, failure) < 0) return -1;
  if (options->daemonize && leave_tree(failure) < 0) return -1;
  return execute_sealed(argv, failure);
}

static int serve(int argc, char **argv, const struct options *options, struct failure *failure) {
  default_signals();
  prctl(PR_SET_NAME, "terrarium-stage");
  if (clean_descriptors(false, failure) < 0) return -1;
  AUTO_CLOSE int connection = connect_to(options->connect, failure);
  if (connection < 0) return -1;
  peer_stands_outside();
  if (!peer_is_user(connection)) {
    /* By the connection that is there: who listens takes one only. */
    request_refuse(connection, EPERM);
    _exit(1);
  }
  title_prepare(argc, argv);
  request_serve(connection);
}

int once_main(int argc, char **argv) {
  struct options options = {0};
  if (!parse(argc - 1, argv + 1, &options)) {
    fputs("usage: terrarium-stage once --connect PATH [--daemonize]\n", stderr);
    return 2;
  }
  umask(077);
  if (chdir("/") < 0) return 1;
  struct failure failure = {0};
  if (is_sealed()) serve(argc, argv, &options, &failure);
  else settle(argv, &options, &failure);
  struct failure unheard;
  AUTO_CLOSE int connection = connect_to(options.connect, &unheard);
  if (connection >= 0) request_refuse(connection, failure.error);
  return 1;
}

#define _GNU_SOURCE
#include "attach_client.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach_log.h"
#include "attach_terminal.h"
#include "fd.h"

enum {
  EXIT_LOST = 125,
  GOING_ON = -1,     /* instead of an exit status */
  INPUT_MAX = 4096,  /* of one message */
  WRITE_MAX = 4096,  /* PIPE_BUF: so much a pipe that poll calls writable takes without blocking */
};

static struct {
  const char *socket_path;
  const char *directory; /* NULL: not known */
  struct hello hello;
  bool no_stdin;
  bool no_terminal; /* the process has none: ours stays as it is, and SIGINT is handed on */
  int fd;
  bool stdin_open;
  bool end_due, resize_due, interrupt_due; /* to be sent once there is room */
  bool heard; /* a frame has come */
  /* A message on its way out, */
  char message[sizeof(struct message_header) + INPUT_MAX];
  size_t message_size, message_at;
  /* and a frame on its way in: its header, then its payload piece by piece. */
  struct frame_header header;
  size_t header_have;
  size_t payload_left;
  char piece[FRAME_PAYLOAD_MAX];
  size_t piece_size, piece_at;
} client = {.fd = -1};

static bool parse_bytes(const char *text, uint64_t *bytes) {
  char *end;
  errno = 0;
  *bytes = strtoull(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == 0 && errno == 0;
}

static bool parse_options(int argc, char **argv) {
  static const struct option options[] = {{"no-stdin", no_argument, NULL, 'n'},
                                          {"no-terminal", no_argument, NULL, 't'},
                                          {"no-hold", no_argument, NULL, 'h'},
                                          {"from-start", no_argument, NULL, 's'},
                                          {"replay", required_argument, NULL, 'r'},
                                          {"directory", required_argument, NULL, 'd'},
                                          {0}};
  client.hello = (struct hello){.version = HELLO_VERSION, .flags = HELLO_HOLD};
  for (int option; (option = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
    if (option == 'n') {
      client.no_stdin = true;
    } else if (option == 't') {
      client.no_terminal = true;
    } else if (option == 'h') {
      client.hello.flags &= ~(uint32_t)HELLO_HOLD;
    } else if (option == 's') {
      client.hello.flags |= HELLO_FROM_START;
    } else if (option == 'r' && parse_bytes(optarg, &client.hello.replay)) {
      client.hello.flags |= HELLO_REPLAY;
    } else if (option == 'd') {
      client.directory = optarg;
    } else {
      return false;
    }
  }
  if (optind != argc - 1) return false;
  client.socket_path = argv[optind];
  return true;
}

/* A line of ours: the terminal may be in raw mode. */
static void say(const char *what, const char *detail) {
  terminal_restore();
  fprintf(stderr, "terrarium: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
}

/* The process has ended, or its monitor is lost: what is on disk knows. */
static int without_monitor(const char *what, const char *detail) {
  if (client.directory) {
    struct hello nothing = {.version = HELLO_VERSION};
    int code = attach_log_show(client.directory, client.heard ? &nothing : &client.hello);
    if (code >= 0) return code;
  }
  say(what, detail);
  return EXIT_LOST;
}

static int connect_monitor(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(client.socket_path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, client.socket_path, strlen(client.socket_path) + 1);
  AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return -errno;
  client.fd = steal_fd(&fd);
  return 0;
}

static void put_message(enum message_type type, const void *payload, size_t bytes) {
  struct message_header header = {.type = (uint8_t)type, .bytes = (uint32_t)bytes};
  memcpy(client.message, &header, sizeof header);
  if (bytes > 0) memcpy(client.message + sizeof header, payload, bytes);
  client.message_size = sizeof header + bytes;
  client.message_at = 0;
}

static bool sending(void) { return client.message_at < client.message_size; }

/* The next message that is due, if there is room for one. */
static void prepare_message(void) {
  struct resize size;
  if (sending()) return;
  if (client.resize_due) {
    client.resize_due = false;
    if (terminal_size(&size)) put_message(MESSAGE_RESIZE, &size, sizeof size);
  } else if (client.interrupt_due) {
    client.interrupt_due = false;
    put_message(MESSAGE_SIGNAL, &(uint32_t){SIGINT}, sizeof(uint32_t));
  } else if (client.end_due) {
    client.end_due = false;
    put_message(MESSAGE_END, NULL, 0);
  }
}

static void read_input(void) {
  char input[INPUT_MAX];
  ssize_t count = read(STDIN_FILENO, input, sizeof input);
  if (count > 0) {
    put_message(MESSAGE_INPUT, input, (size_t)count);
  } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
    client.stdin_open = false;
    client.end_due = true;
  }
}

/* Returns an exit status, or GOING_ON. A monitor that is gone is noticed by reading: it may have said why. */
static int send_message(void) {
  ssize_t count = send(client.fd, client.message + client.message_at, client.message_size - client.message_at,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0) {
    client.message_at += (size_t)count;
  } else if (errno == EPIPE || errno == ECONNRESET) {
    client.message_at = client.message_size;
    client.stdin_open = false;
  } else if (errno != EAGAIN && errno != EINTR) {
    return without_monitor("the connection to the monitor is lost", strerror(errno));
  }
  return GOING_ON;
}

static int output_fd(void) { return client.header.type == FRAME_STDERR ? STDERR_FILENO : STDOUT_FILENO; }

static bool writing(void) { return client.piece_at < client.piece_size; }

static int write_output(void) {
  size_t left = client.piece_size - client.piece_at;
  ssize_t count = write(output_fd(), client.piece + client.piece_at, left < WRITE_MAX ? left : WRITE_MAX);
  if (count >= 0) {
    client.piece_at += (size_t)count;
  } else if (errno == EPIPE) {
    return 128 + SIGPIPE;
  } else if (errno != EAGAIN && errno != EINTR) {
    say("cannot write the output", strerror(errno));
    return EXIT_LOST;
  }
  return GOING_ON;
}

static bool well_formed(void) {
  uint32_t bytes = client.header.bytes;
  switch (client.header.type) {
    case FRAME_STDOUT:
    case FRAME_STDERR:
      return bytes <= FRAME_PAYLOAD_MAX;
    case FRAME_GAP:
      return bytes == sizeof(uint64_t);
    case FRAME_EXIT:
      return bytes == sizeof(struct exit_frame) - sizeof(struct frame_header);
    default:
      return false;
  }
}

/* Acts on a gap or exit frame, which is in `piece`. */
static int act(void) {
  client.piece_size = client.piece_at = 0;
  if (client.header.type == FRAME_EXIT) {
    uint32_t code;
    memcpy(&code, client.piece, sizeof code);
    return (int)(code & 0xff);
  }
  uint64_t lost;
  memcpy(&lost, client.piece, sizeof lost);
  dprintf(STDERR_FILENO, "\r\nterrarium: %llu bytes of output are lost here\r\n", (unsigned long long)lost);
  return GOING_ON;
}

/* Reads a header, or a piece of a payload. */
static int receive(void) {
  bool in_header = client.header_have < sizeof client.header;
  bool made_here = client.header.type != FRAME_STDOUT && client.header.type != FRAME_STDERR;
  char *to = in_header ? (char *)&client.header + client.header_have : client.piece + client.piece_size;
  size_t want = in_header ? sizeof client.header - client.header_have : client.payload_left;
  ssize_t count = recv(client.fd, to, want, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return GOING_ON;
  if (count <= 0) return without_monitor("the monitor closed the connection", count < 0 ? strerror(errno) : NULL);
  if (in_header) {
    client.header_have += (size_t)count;
    if (client.header_have < sizeof client.header) return GOING_ON;
    if (!well_formed()) {
      say("this is no monitor", client.socket_path);
      return EXIT_LOST;
    }
    client.heard = true;
    client.payload_left = client.header.bytes;
    client.piece_size = client.piece_at = 0;
  } else {
    client.payload_left -= (size_t)count;
    client.piece_size += (size_t)count;
    /* Output is written as it comes; the others are looked at when whole. */
    if (made_here && client.payload_left > 0) client.piece_at = client.piece_size;
  }
  if (client.payload_left > 0) return GOING_ON;
  client.header_have = 0;
  return made_here && !in_header ? act() : GOING_ON;
}

/* Who only looks on leaves the process's terminal its size. */
static bool drives_terminal(void) { return !client.no_terminal && !client.no_stdin; }

static int handle_signals(void) {
  for (int number; (number = terminal_take_signal()) != 0;) {
    if (number == SIGWINCH) {
      client.resize_due = drives_terminal();
    } else if (number == SIGINT && client.no_terminal) {
      client.interrupt_due = true;
    } else {
      return 128 + number;
    }
  }
  return GOING_ON;
}

static int run(const sigset_t *wait_mask) {
  put_message(MESSAGE_HELLO, &client.hello, sizeof client.hello);
  for (;;) {
    int status = handle_signals();
    if (status != GOING_ON) return status;
    prepare_message();
    struct pollfd polled[] = {
        {.fd = client.fd, .events = (short)((sending() ? POLLOUT : 0) | (writing() ? 0 : POLLIN))},
        {.fd = client.stdin_open && !sending() ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = writing() ? output_fd() : -1, .events = POLLOUT}};
    /* While our output is blocked, a monitor that has closed would wake us without end. */
    if (writing() && !sending()) polled[0].fd = -1;
    if (ppoll(polled, 3, NULL, wait_mask) < 0) {
      if (errno == EINTR) continue;
      say("ppoll", strerror(errno));
      return EXIT_LOST;
    }
    if (polled[1].revents) read_input();
    if (sending() && (polled[0].revents & (POLLOUT | POLLERR | POLLHUP))) status = send_message();
    if (status == GOING_ON && polled[2].revents) status = write_output();
    if (status == GOING_ON && !writing() && (polled[0].revents & (POLLIN | POLLERR | POLLHUP))) status = receive();
    if (status != GOING_ON) return status;
  }
}

int attach_client_main(int argc, char **argv) {
  if (!parse_options(argc, argv)) {
    fprintf(stderr, "usage: attach [--no-stdin] [--no-terminal] [--no-hold] [--from-start | --replay BYTES] "
                    "[--directory DIRECTORY] SOCKET\n");
    return 2;
  }
  int result = connect_monitor();
  if (result == -ENOENT || result == -ECONNREFUSED) return without_monitor("the process has ended", NULL);
  if (result < 0) return without_monitor("cannot connect to the monitor", strerror(-result));
  sigset_t wait_mask;
  result = terminal_catch_signals(&wait_mask);
  client.stdin_open = !client.no_stdin;
  client.resize_due = drives_terminal();
  if (result == 0 && drives_terminal() && isatty(STDIN_FILENO)) result = terminal_make_raw();
  int status = EXIT_LOST;
  if (result < 0) {
    say("the terminal cannot be set up", strerror(-result));
  } else {
    status = run(&wait_mask);
  }
  terminal_restore();
  close_fd(&client.fd);
  return status;
}

/* Wire and file formats of output and attach: docs/stage.md. */
#ifndef TERRARIUM_FRAME_H
#define TERRARIUM_FRAME_H

#include <stdint.h>
#include <time.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the formats are little-endian, and written as they lie");

enum { OUTPUT_MAGIC = 0x54554f54, OUTPUT_VERSION = 1 };

/* What a log file begins with; frames follow. */
struct output_header {
  uint32_t magic;
  uint32_t version;
  uint64_t base; /* offset in the stream of the first frame */
};

enum frame_type { FRAME_STDOUT = 1, FRAME_STDERR = 2, FRAME_GAP = 3, FRAME_EXIT = 4, FRAME_MOUNTS = 5 };

/* A read from the process never fills more than this, so every frame fits into one buffer of the server. */
enum { FRAME_PAYLOAD_MAX = 16384 };

struct frame_header {
  uint32_t bytes; /* of payload */
  uint8_t type;
  uint8_t zero[3];
  uint64_t time; /* CLOCK_REALTIME, nanoseconds */
};

/* CLOCK_REALTIME, in nanoseconds. */
static inline uint64_t frame_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct gap_frame {
  struct frame_header header;
  uint64_t lost;
};

struct exit_frame {
  struct frame_header header;
  uint32_t exit_code;
  uint32_t signal;
  uint32_t oom_killed;
} __attribute__((packed));

_Static_assert(sizeof(struct output_header) == 16 && sizeof(struct frame_header) == 16, "no padding");
_Static_assert(sizeof(struct gap_frame) == 24 && sizeof(struct exit_frame) == 28, "no padding");

enum message_type { MESSAGE_HELLO = 1, MESSAGE_INPUT = 2, MESSAGE_END = 3, MESSAGE_RESIZE = 4, MESSAGE_SIGNAL = 5 };
enum { HELLO_VERSION = 1, HELLO_HOLD = 1, HELLO_FROM_START = 2, HELLO_REPLAY = 4, HELLO_MOUNTS = 8 };
enum { MESSAGE_PAYLOAD_MAX = 65536 };

struct message_header {
  uint8_t type;
  uint8_t zero[3];
  uint32_t bytes; /* of payload */
};

struct hello {
  uint32_t version;
  uint32_t flags;
  uint64_t replay;
};

struct resize {
  uint16_t rows;
  uint16_t columns;
};

_Static_assert(sizeof(struct message_header) == 8 && sizeof(struct hello) == 16, "no padding");

#endif

#define _GNU_SOURCE
#include "title.h"

#include <string.h>

static char *start;
static size_t size;

void title_prepare(int argc, char **argv) {
  /* The kernel lays them out one behind the other. */
  start = argc > 0 ? argv[0] : NULL;
  size = argc > 0 ? (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]) : 0;
}

void title_set(const char *title) {
  if (size == 0) return;
  size_t length = strnlen(title, size - 1);
  memset(start, 0, size);
  memcpy(start, title, length);
}

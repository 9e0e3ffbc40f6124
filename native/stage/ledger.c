#include "ledger.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { RECORD_HEADER = 32, RESULT_AT = 8, START_AT = 16, DURATION_AT = 24 };

uint64_t monotonic_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct ledger *ledger_map(void) {
  void *memory =
      mmap(NULL, sizeof(struct ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

void ledger_unmap(struct ledger *ledger) {
  if (ledger != NULL) munmap(ledger, sizeof(struct ledger));
}

static size_t text_length(const struct arg *arg) { return strnlen((const char *)arg->value, LEDGER_TEXT_LIMIT); }

/* A missing string (a NULL pointer) is shown as the number 0. */
static bool is_text(const struct arg *arg) { return arg->kind == ARG_TEXT && arg->value != 0; }

static size_t arg_size(const struct arg *arg) {
  if (!arg->shown) return 0;
  return is_text(arg) ? 3 + text_length(arg) : 9;
}

static uint8_t *put_arg(uint8_t *to, const struct arg *arg) {
  if (!arg->shown) return to;
  if (!is_text(arg)) {
    int64_t value = arg->value;
    *to++ = arg->kind == ARG_TEXT ? ARG_NUMBER : arg->kind;
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
  }
  uint16_t length = (uint16_t)text_length(arg);
  *to++ = ARG_TEXT;
  memcpy(to, &length, sizeof length);
  memcpy(to + sizeof length, (const char *)arg->value, length);
  return to + sizeof length + length;
}

long ledger_append(struct ledger *ledger, const struct record *record) {
  size_t name_length = strnlen(record->name, UINT8_MAX);
  size_t size = RECORD_HEADER + name_length;
  uint8_t shown = 0;
  for (size_t i = 0; i < record->arg_count; i++) {
    size += arg_size(&record->args[i]);
    shown += record->args[i].shown;
  }
  if (size > UINT16_MAX || size > LEDGER_BYTES - ledger->used) {
    ledger->dropped++;
    return -1;
  }
  uint32_t offset = ledger->used;
  uint8_t *to = ledger->bytes + offset;
  uint16_t bytes = (uint16_t)size;
  memcpy(to, &bytes, sizeof bytes);
  memcpy(to + 2, &record->step, sizeof record->step);
  to[4] = record->actor;
  to[5] = shown;
  to[6] = (uint8_t)name_length;
  to[7] = 0;
  memcpy(to + RESULT_AT, &record->result, sizeof record->result);
  memcpy(to + START_AT, &record->start, sizeof record->start);
  memcpy(to + DURATION_AT, &record->duration, sizeof record->duration);
  memcpy(to + RECORD_HEADER, record->name, name_length);
  to += RECORD_HEADER + name_length;
  for (size_t i = 0; i < record->arg_count; i++) to = put_arg(to, &record->args[i]);
  ledger->used = offset + bytes;
  return (long)offset;
}

void ledger_complete(struct ledger *ledger, long offset, int64_t result, uint64_t end) {
  if (offset < 0) return;
  uint8_t *record = ledger->bytes + offset;
  uint64_t start;
  memcpy(&start, record + START_AT, sizeof start);
  uint64_t duration = end - start;
  memcpy(record + RESULT_AT, &result, sizeof result);
  memcpy(record + DURATION_AT, &duration, sizeof duration);
}

void ledger_fail(struct ledger *ledger, uint32_t step, int error) {
  if (ledger->failed) return;
  ledger->failed = 1;
  ledger->failed_step = step;
  ledger->error = (uint32_t)error;
}

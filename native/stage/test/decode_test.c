/*
 * The decoder against plans that are right, mutated and random. Each lies at the end of an allocation of just its size,
 * so that the address sanitizer sees a read of one byte too many. Built with -DFUZZ it is a libFuzzer target instead.
 */
#include "decode.h"

#include <errno.h>
#include <string.h>

#include "check.h"

/* Reads all that was decoded: what points outside of the plan is found here. */
static size_t touch_step(const struct step *step) {
  const struct step_shape *shape = &step_shapes[step->code];
  size_t sum = 0;
  for (uint8_t i = 0; i < shape->field_count; i++) {
    const void *field = (const uint8_t *)&step->as + shape->fields[i].offset;
    if (shape->fields[i].type == FIELD_STRING) sum += strlen(*(const char *const *)field);
    if (shape->fields[i].type == FIELD_BYTES) {
      const struct field_bytes *bytes = field;
      for (uint32_t at = 0; at < bytes->length; at++) sum += bytes->data[at];
    }
    if (shape->fields[i].type == FIELD_STRINGS) {
      const struct field_strings *strings = field;
      for (uint32_t at = 0; at < strings->count; at++) sum += strlen(strings->items[at]);
      CHECK(strings->items[strings->count] == NULL);
    }
  }
  return sum;
}

static void check_actors(const struct plan *plan) {
  for (uint16_t i = 0; i < plan->count; i++) {
    uint8_t actor = step_shapes[plan->steps[i].code].actor;
    if (actor != ACTOR_ANY) CHECK((actor == ACTOR_INIT) == (i >= plan->first_of_init));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct plan plan;
  int error = plan_decode(&plan, data, size);
  CHECK(error == 0 || error == -EBADMSG);
  if (error < 0) {
    CHECK(plan.steps == NULL);
    return 0;
  }
  volatile size_t sum = 0;
  for (uint16_t i = 0; i < plan.count; i++) sum += touch_step(&plan.steps[i]);
  check_actors(&plan);
  plan_free(&plan);
  return 0;
}

#ifndef FUZZ

enum { ROUNDS = 60000, CAPACITY = 4096 };

struct buffer {
  uint8_t bytes[CAPACITY];
  size_t size;
};

static void put(struct buffer *buffer, const void *data, size_t size) {
  CHECK(buffer->size + size <= CAPACITY);
  memcpy(buffer->bytes + buffer->size, data, size);
  buffer->size += size;
}

static void put_u32(struct buffer *buffer, uint32_t value) { put(buffer, &value, sizeof value); }

static void put_string(struct buffer *buffer, const char *text) {
  put_u32(buffer, (uint32_t)strlen(text));
  put(buffer, text, strlen(text) + 1);
}

static void put_field(struct buffer *buffer, uint8_t type) {
  const uint64_t number = 0x0102030405060708;
  switch ((enum field_type)type) {
    case FIELD_U32:
      put(buffer, &number, 4);
      break;
    case FIELD_U64:
      put(buffer, &number, 8);
      break;
    case FIELD_STRING:
      put_string(buffer, "/some/path");
      break;
    case FIELD_STRINGS:
      put_u32(buffer, 2);
      put_string(buffer, "");
      put_string(buffer, "word");
      break;
    case FIELD_BYTES:
      put_u32(buffer, 3);
      put(buffer, "\1\2\3", 3);
      break;
  }
}

static void put_step(struct buffer *buffer, uint16_t code) {
  const uint16_t header[] = {code, TOLERATE_ANY};
  put(buffer, header, sizeof header);
  size_t length_at = buffer->size;
  put_u32(buffer, 0);
  for (uint8_t i = 0; i < step_shapes[code].field_count; i++) put_field(buffer, step_shapes[code].fields[i].type);
  uint32_t length = (uint32_t)(buffer->size - length_at - 4);
  memcpy(buffer->bytes + length_at, &length, sizeof length);
}

static void finish(struct buffer *buffer, uint16_t count) {
  const uint32_t size = (uint32_t)buffer->size;
  memcpy(buffer->bytes + 6, &count, sizeof count);
  memcpy(buffer->bytes + 8, &size, sizeof size);
}

/* One of every step, in an order that is allowed. */
static void make_plan(struct buffer *buffer) {
  static const uint16_t first[] = {STEP_MONITOR, STEP_MAKE_CGROUP, STEP_MAKE_PIPES, STEP_CLONE, STEP_MAP_IDS, STEP_JOIN_CGROUP,
                                   STEP_MAKE_VETH, STEP_KILL_LEFT};
  *buffer = (struct buffer){0};
  put(buffer, "TPLN\1\0\0\0\0\0\0\0", PLAN_HEADER);
  uint16_t count = 0;
  for (size_t i = 0; i < sizeof first / sizeof *first; i++, count++) put_step(buffer, first[i]);
  for (uint16_t code = 0; code < STEP_CODES; code++) {
    if (step_shapes[code].name == NULL || step_shapes[code].actor == ACTOR_MONITOR) continue;
    if (code == STEP_EXECUTE || code == STEP_STAY_INIT) continue;
    put_step(buffer, code);
    count++;
  }
  put_step(buffer, STEP_EXECUTE);
  finish(buffer, (uint16_t)(count + 1));
}

static int decode_exactly(const uint8_t *bytes, size_t size) {
  uint8_t *copy = malloc(size == 0 ? 1 : size);
  CHECK(copy != NULL);
  memcpy(copy, bytes, size);
  struct plan plan;
  int error = plan_decode(&plan, copy, size);
  if (error == 0) plan_free(&plan);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
  return error;
}

/* xorshift: the same bytes at each run. */
static uint32_t next_random(void) {
  static uint32_t state = 0x9e3779b9;
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

static void test_right(const struct buffer *right) {
  struct plan plan;
  CHECK(plan_decode(&plan, right->bytes, right->size) == 0);
  CHECK(plan.clone == 3 && plan.first_of_init == 8);
  const struct step *last = &plan.steps[plan.count - 1];
  CHECK(last->code == STEP_EXECUTE && last->tolerate == TOLERATE_ANY);
  CHECK(last->as.execute.args.count == 2 && strcmp(last->as.execute.args.items[1], "word") == 0);
  CHECK(plan_has(&plan, STEP_MASK_PATH) && !plan_has(&plan, STEP_STAY_INIT));
  plan_free(&plan);
}

static void test_cut(const struct buffer *right) {
  for (size_t size = 0; size < right->size; size++) {
    CHECK(decode_exactly(right->bytes, size) == -EBADMSG);
    struct buffer cut = *right;
    cut.size = size;
    if (size < PLAN_HEADER) continue;
    uint16_t count;
    memcpy(&count, cut.bytes + 6, sizeof count);
    finish(&cut, count);
    CHECK(decode_exactly(cut.bytes, cut.size) == -EBADMSG);
  }
}

static void test_mutated(const struct buffer *right) {
  size_t accepted = 0, refused = 0;
  for (int round = 0; round < ROUNDS; round++) {
    struct buffer mutated = *right;
    for (uint32_t changes = 1 + next_random() % 4; changes > 0; changes--) {
      size_t at = PLAN_HEADER + next_random() % (mutated.size - PLAN_HEADER);
      uint8_t value = (uint8_t)(next_random() % 3 == 0 ? 0xff : next_random());
      mutated.bytes[at] = value;
    }
    if (decode_exactly(mutated.bytes, mutated.size) == 0) accepted++;
    else refused++;
  }
  CHECK(accepted > ROUNDS / 100 && refused > ROUNDS / 100); /* else it tests only one way */
}

static void test_random(void) {
  for (int round = 0; round < ROUNDS; round++) {
    struct buffer random = {.size = PLAN_HEADER + next_random() % 300};
    for (size_t i = 0; i < random.size; i++) random.bytes[i] = (uint8_t)(next_random() % 8 == 0 ? next_random() : next_random() % 40 * (next_random() % 2));
    memcpy(random.bytes, "TPLN\1\0", 6);
    finish(&random, (uint16_t)(next_random() % 8));
    decode_exactly(random.bytes, random.size);
  }
}

int main(void) {
  struct buffer right;
  make_plan(&right);
  test_right(&right);
  test_cut(&right);
  test_mutated(&right);
  test_random();
  return 0;
}
#endif

#include "decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PLAN_MAGIC = 0x4e4c5054, PLAN_VERSION = 1, STEP_HEADER = 8 };

/* What is left to read. Every read goes through take(), which is the one place that checks bounds. */
struct reader {
  const uint8_t *at;
  size_t left;
};

static const uint8_t *take(struct reader *reader, size_t bytes) {
  if (bytes > reader->left) return NULL;
  const uint8_t *taken = reader->at;
  reader->at += bytes;
  reader->left -= bytes;
  return taken;
}

static bool take_value(struct reader *reader, void *value, size_t bytes) {
  const uint8_t *taken = take(reader, bytes);
  if (taken != NULL) memcpy(value, taken, bytes);
  return taken != NULL;
}

static bool take_string(struct reader *reader, const char **string) {
  uint32_t length;
  if (!take_value(reader, &length, sizeof length)) return false;
  const uint8_t *taken = take(reader, (size_t)length + 1);
  if (taken == NULL || taken[length] != '\0' || memchr(taken, '\0', length) != NULL) return false;
  *string = (const char *)taken;
  return true;
}

static int take_strings(struct reader *reader, struct field_strings *strings) {
  uint32_t count;
  /* Each takes at least five bytes, so that a small plan cannot ask for a large array. */
  if (!take_value(reader, &count, sizeof count) || count > reader->left / 5) return -EBADMSG;
  strings->items = calloc((size_t)count + 1, sizeof *strings->items);
  if (strings->items == NULL) return -ENOMEM;
  strings->count = count;
  for (uint32_t i = 0; i < count; i++) {
    if (!take_string(reader, &strings->items[i])) return -EBADMSG;
  }
  return 0;
}

static bool take_bytes(struct reader *reader, struct field_bytes *bytes) {
  if (!take_value(reader, &bytes->length, sizeof bytes->length)) return false;
  bytes->data = take(reader, bytes->length);
  return bytes->data != NULL;
}

static int decode_field(struct reader *reader, const struct field_shape *field, union step_fields *fields) {
  void *target = (uint8_t *)fields + field->offset;
  switch ((enum field_type)field->type) {
    case FIELD_U32:
      return take_value(reader, target, sizeof(uint32_t)) ? 0 : -EBADMSG;
    case FIELD_U64:
      return take_value(reader, target, sizeof(uint64_t)) ? 0 : -EBADMSG;
    case FIELD_STRING:
      return take_string(reader, target) ? 0 : -EBADMSG;
    case FIELD_STRINGS:
      return take_strings(reader, target);
    case FIELD_BYTES:
      return take_bytes(reader, target) ? 0 : -EBADMSG;
  }
  return -EBADMSG;
}

static int decode_step(struct reader *plan, struct step *step) {
  uint32_t bytes;
  if (!take_value(plan, &step->code, sizeof step->code) || !take_value(plan, &step->tolerate, sizeof step->tolerate) ||
      !take_value(plan, &bytes, sizeof bytes)) {
    return -EBADMSG;
  }
  struct reader payload = {take(plan, bytes), bytes};
  if (payload.at == NULL || step->tolerate > TOLERATE_ANY) return -EBADMSG;
  if (step->code >= STEP_CODES || step_shapes[step->code].name == NULL) return -EBADMSG;
  const struct step_shape *shape = &step_shapes[step->code];
  for (uint8_t i = 0; i < shape->field_count; i++) {
    int error = decode_field(&payload, &shape->fields[i], &step->as);
    if (error < 0) return error;
  }
  return payload.left == 0 ? 0 : -EBADMSG;
}

static bool ends_plan(uint16_t code) { return code == STEP_EXECUTE || code == STEP_STAY_INIT; }

/* Finds who executes what, and refuses a plan with a step where its actor is not. */
static int assign_actors(struct plan *plan) {
  size_t monitors = 0;
  plan->clone = plan->count;
  for (uint16_t i = 0; i < plan->count; i++) {
    if (plan->steps[i].code == STEP_MONITOR) monitors++;
    if (plan->steps[i].code == STEP_CLONE) {
      if (plan->clone != plan->count) return -EBADMSG;
      plan->clone = i;
    }
  }
  bool starts = plan->clone != plan->count;
  if (monitors != (starts ? 1 : 0)) return -EBADMSG;
  plan->first_of_init = plan->count;
  for (uint16_t i = 0; i < plan->count; i++) {
    uint16_t code = plan->steps[i].code;
    uint8_t actor = step_shapes[code].actor;
    if (i > plan->clone && plan->first_of_init == plan->count && actor != ACTOR_MONITOR) plan->first_of_init = i;
    bool by_init = i >= plan->first_of_init;
    if (actor == ACTOR_MONITOR ? by_init : actor == ACTOR_INIT && !by_init) return -EBADMSG;
    /* These are about a process that is there only after the clone; the others prepare it. */
    bool on_child = code == STEP_MAP_IDS || code == STEP_JOIN_CGROUP || code == STEP_MAKE_VETH ||
                    code == STEP_KILL_LEFT;
    if (actor == ACTOR_MONITOR && i != plan->clone && on_child != (i > plan->clone)) return -EBADMSG;
    if (code == STEP_MAKE_PIPES && !starts) return -EBADMSG;
    if (ends_plan(code) && i + 1 != plan->count) return -EBADMSG;
  }
  if (starts && !ends_plan(plan->steps[plan->count - 1].code)) return -EBADMSG;
  return 0;
}

uint32_t plan_size(const uint8_t *header) {
  uint32_t magic, bytes;
  uint16_t version;
  memcpy(&magic, header, sizeof magic);
  memcpy(&version, header + 4, sizeof version);
  memcpy(&bytes, header + 8, sizeof bytes);
  if (magic != PLAN_MAGIC || version != PLAN_VERSION || bytes < PLAN_HEADER || bytes > PLAN_LIMIT) return 0;
  return bytes;
}

int plan_decode(struct plan *plan, const uint8_t *bytes, size_t size) {
  *plan = (struct plan){0};
  if (size < PLAN_HEADER || plan_size(bytes) != size) return -EBADMSG;
  struct reader reader = {bytes + PLAN_HEADER, size - PLAN_HEADER};
  uint16_t count;
  memcpy(&count, bytes + 6, sizeof count);
  if (count > reader.left / STEP_HEADER) return -EBADMSG;
  plan->steps = calloc((size_t)count + 1, sizeof *plan->steps);
  if (plan->steps == NULL) return -ENOMEM;
  int error = 0;
  while (error == 0 && plan->count < count) error = decode_step(&reader, &plan->steps[plan->count++]);
  if (error == 0 && reader.left != 0) error = -EBADMSG;
  if (error == 0) error = assign_actors(plan);
  if (error < 0) plan_free(plan);
  return error;
}

/* The strings of a step that was decoded only in part are NULL or allocated: both can be freed. */
static void free_step(const struct step *step) {
  if (step->code >= STEP_CODES) return;
  const struct step_shape *shape = &step_shapes[step->code];
  for (uint8_t i = 0; i < shape->field_count; i++) {
    if (shape->fields[i].type != FIELD_STRINGS) continue;
    const struct field_strings *strings = (const void *)((const uint8_t *)&step->as + shape->fields[i].offset);
    free(strings->items);
  }
}

void plan_free(struct plan *plan) {
  for (uint16_t i = 0; i < plan->count; i++) free_step(&plan->steps[i]);
  free(plan->steps);
  *plan = (struct plan){0};
}

bool plan_has(const struct plan *plan, enum step_code code) {
  for (uint16_t i = 0; i < plan->count; i++) {
    if (plan->steps[i].code == code) return true;
  }
  return false;
}

/* A plan as it came over the wire, checked and taken apart (format: docs/stage.md, "A request"). */
#ifndef TERRARIUM_DECODE_H
#define TERRARIUM_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "steps.generated.h"

enum { PLAN_HEADER = 12, PLAN_LIMIT = 1024 * 1024 };
enum tolerance { TOLERATE_NOTHING, TOLERATE_MISSING, TOLERATE_ANY };

struct step {
  uint16_t code;
  uint16_t tolerate;
  union step_fields as; /* strings and bytes point into the plan as received */
};

struct plan {
  struct step *steps;
  uint16_t count;
  /* Index of `clone`, or `count` when the plan starts no process. */
  uint16_t clone;
  /* Index of the first step that the new process executes. */
  uint16_t first_of_init;
};

/* The size of the whole plan that starts with these PLAN_HEADER bytes; 0 when they start none. */
uint32_t plan_size(const uint8_t *header);

/*
 * Decodes `size` bytes, which must outlive the plan. Allocates all that executing the plan needs, since after a clone
 * nothing is allocated. Returns 0, -ENOMEM, or -EBADMSG for what is no plan or has steps where their actor is not.
 */
int plan_decode(struct plan *plan, const uint8_t *bytes, size_t size);
void plan_free(struct plan *plan);

/* Whether the plan has a step of this kind. */
bool plan_has(const struct plan *plan, enum step_code code);

#endif

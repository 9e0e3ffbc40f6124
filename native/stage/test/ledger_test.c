#include "ledger.h"

#include <string.h>

#include "check.h"

static const char long_text[2000] = {[0 ... 1998] = 'x'};

static struct record make_record(const struct arg *args, size_t count) {
  return (struct record){.step = 7, .actor = 1, .name = "mount", .args = args, .arg_count = count, .start = 5};
}

static void test_layout(struct ledger *ledger) {
  const struct arg args[] = {{ARG_TEXT, true, true, (long)"ab"},
                             {ARG_NUMBER, true, false, 9},
                             {ARG_DESCRIPTOR, true, true, -100},
                             {ARG_TEXT, true, true, 0}};
  struct record record = make_record(args, 4);
  record.result = -13;
  long offset = ledger_append(ledger, &record);
  CHECK(offset == 0 && ledger->used == 32 + 5 + 5 + 9 + 9);
  const uint8_t *bytes = ledger->bytes;
  CHECK(bytes[0] == ledger->used && bytes[1] == 0 && bytes[2] == 7 && bytes[4] == 1 && bytes[5] == 3 && bytes[6] == 5);
  int64_t result;
  memcpy(&result, bytes + 8, sizeof result);
  CHECK(result == -13);
  CHECK(memcmp(bytes + 32, "mount\2\2\0ab\3", 11) == 0);
  CHECK(bytes[32 + 5 + 5 + 9] == ARG_NUMBER); /* a string that is missing */

  ledger_complete(ledger, offset, 3, 25);
  uint64_t duration;
  memcpy(&result, bytes + 8, sizeof result);
  memcpy(&duration, bytes + 24, sizeof duration);
  CHECK(result == 3 && duration == 20);
  ledger_complete(ledger, -1, 0, 0); /* one that was dropped */
}

static void test_limits(struct ledger *ledger) {
  const struct arg text = {ARG_TEXT, true, true, (long)long_text};
  struct record record = make_record(&text, 1);
  uint32_t before = ledger->used;
  CHECK(ledger_append(ledger, &record) == before);
  CHECK(ledger->used - before == 32 + 5 + 3 + LEDGER_TEXT_LIMIT);
  while (ledger->dropped == 0) ledger_append(ledger, &record);
  CHECK(ledger->used <= LEDGER_BYTES && LEDGER_BYTES - ledger->used < 32 + 5 + 3 + LEDGER_TEXT_LIMIT);
  CHECK(ledger_append(ledger, &record) == -1 && ledger->dropped == 2);

  struct arg many[100];
  for (size_t i = 0; i < 100; i++) many[i] = text;
  record = make_record(many, 100); /* above what a record's u16 can say */
  CHECK(ledger_append(ledger, &record) == -1);
}

int main(void) {
  struct ledger *ledger = ledger_map();
  CHECK(ledger != NULL);
  test_layout(ledger);
  test_limits(ledger);
  ledger_fail(ledger, 3, 5);
  ledger_fail(ledger, 4, 6); /* the first one counts */
  CHECK(ledger->failed && ledger->failed_step == 3 && ledger->error == 5);
  ledger_unmap(ledger);
  return 0;
}

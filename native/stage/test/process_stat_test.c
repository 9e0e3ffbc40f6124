#include "process_stat.h"

#include <string.h>
#include <unistd.h>

#include "check.h"

static const char *const plain =
    "12 (sh) S 1 12 12 34816 20 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456789012 2000 100 184467";

int main(void) {
  struct process_stat stat = {0};
  CHECK(process_stat_parse(plain, &stat));
  CHECK(stat.start_time == 123456789012);
  CHECK(stat.executed);
  CHECK(!stat.stopped);

  /* 4194368 is 0x400040, with PF_FORKNOEXEC; the name is one that tries to be fields. */
  CHECK(process_stat_parse("12 (a) S 1 (b)\n) R 1 12 12 0 -1 4194368 1 2 3 4 5 6 7 8 20 0 1 0 77 2", &stat));
  CHECK(stat.start_time == 77);
  CHECK(!stat.executed);

  CHECK(process_stat_parse("12 (a) R (b) T 1 12 12 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 77 2", &stat));
  CHECK(stat.stopped);

  CHECK(!process_stat_parse("", &stat));
  CHECK(!process_stat_parse("12 (sh", &stat));
  CHECK(!process_stat_parse("12 (sh) S 1 12", &stat));
  char cut[128];
  size_t whole = (size_t)(strstr(plain, "1234567890") - plain);
  for (size_t length = 0; length < whole; length++) {
    memcpy(cut, plain, length);
    cut[length] = '\0';
    CHECK(!process_stat_parse(cut, &stat));
  }

  CHECK(process_stat_read(getpid(), &stat) == 0);
  CHECK(stat.executed && stat.start_time > 0);
  CHECK(process_stat_read(0x7fffffff, &stat) < 0);
  return 0;
}

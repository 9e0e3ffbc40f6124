#define _GNU_SOURCE
#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int failed(struct failure *failure, const char *call) {
  failure->call = call;
  failure->error = errno;
  snprintf(failure->text, sizeof failure->text, "%s", strerror(errno));
  return -1;
}

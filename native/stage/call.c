#define _GNU_SOURCE
#include "call.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static long make(long number, const struct arg *args, size_t count) {
  long passed[6] = {0};
  size_t used = 0;
  for (size_t i = 0; i < count && used < 6; i++) {
    if (args[i].passed) passed[used++] = args[i].value;
  }
  long result = syscall(number, passed[0], passed[1], passed[2], passed[3], passed[4], passed[5]);
  return result == -1 ? -errno : result;
}

long call(struct context *context, const char *name, long number, const struct arg *args, size_t count) {
  uint64_t start = monotonic_now();
  long result = make(number, args, count);
  ledger_append(context->ledger, &(struct record){
                                     .step = context->step,
                                     .actor = context->actor,
                                     .name = name,
                                     .args = args,
                                     .arg_count = count,
                                     .result = result,
                                     .start = start,
                                     .duration = monotonic_now() - start,
                                 });
  return result;
}

static long append_beforehand(struct context *context, const char *name, const struct arg *args, size_t count) {
  return ledger_append(context->ledger, &(struct record){
                                            .step = context->step,
                                            .actor = context->actor,
                                            .name = name,
                                            .args = args,
                                            .arg_count = count,
                                            .start = monotonic_now(),
                                        });
}

long call_for_good(struct context *context, const char *name, long number, const struct arg *args, size_t count) {
  long offset = append_beforehand(context, name, args, count);
  context->ledger->open_record = (uint32_t)(offset + 1);
  long result = make(number, args, count);
  context->ledger->open_record = 0;
  ledger_complete(context->ledger, offset, result, monotonic_now());
  return result;
}

long call_fork(struct context *context, const char *name, long number, const struct arg *args, size_t count) {
  long offset = append_beforehand(context, name, args, count);
  long result = make(number, args, count);
  if (result != 0) ledger_complete(context->ledger, offset, result, monotonic_now());
  return result;
}

void context_forget(struct context *context) {
  if (context->received != NULL) munmap((void *)context->received, context->received_size);
  context->received = NULL;
  ledger_unmap(context->ledger);
  context->ledger = NULL;
}

/*
 * The one way by which steps make system calls: it is timed and recorded, so the ledger cannot miss one.
 * Closing a descriptor and reading what only informs us are no part of making a container, and are not recorded.
 */
#ifndef TERRARIUM_CALL_H
#define TERRARIUM_CALL_H

#include <sys/syscall.h>

#include "context.h"

#define NUMBER(v) {ARG_NUMBER, true, true, (long)(v)}
#define FLAGS(v) {ARG_FLAGS, true, true, (long)(v)}
#define TEXT(v) {ARG_TEXT, true, true, (long)(v)}
#define DESCRIPTOR(v) {ARG_DESCRIPTOR, true, true, (long)(v)}
/* A pointer to a structure: its address would tell nobody anything. */
#define HIDDEN(v) {ARG_NUMBER, true, false, (long)(v)}
/* What such a structure holds. */
#define HOLDING_NUMBER(v) {ARG_NUMBER, false, true, (long)(v)}
#define HOLDING_FLAGS(v) {ARG_FLAGS, false, true, (long)(v)}
#define HOLDING_TEXT(v) {ARG_TEXT, false, true, (long)(v)}
#define HOLDING_DESCRIPTOR(v) {ARG_DESCRIPTOR, false, true, (long)(v)}

/* CALL(context, mount, TEXT(source), …): the result, or -errno. */
#define CALL(context, name, ...) CALL_AS(context, #name, SYS_##name, __VA_ARGS__)
#define CALL_AS(context, name, number, ...)                    \
  call(context, name, number, (const struct arg[]){__VA_ARGS__}, \
       sizeof((const struct arg[]){__VA_ARGS__}) / sizeof(struct arg))
#define CALL_FORK(context, name, ...)                                           \
  call_fork(context, #name, SYS_##name, (const struct arg[]){__VA_ARGS__}, \
            sizeof((const struct arg[]){__VA_ARGS__}) / sizeof(struct arg))

long call(struct context *context, const char *name, long number, const struct arg *args, size_t count);

/* The same for a call that does not return when it succeeds: it is recorded before it is made. */
long call_for_good(struct context *context, const char *name, long number, const struct arg *args, size_t count);

/* The same for a clone: only the one that made it records it, so that both never write to the ledger at once. */
long call_fork(struct context *context, const char *name, long number, const struct arg *args, size_t count);

#endif

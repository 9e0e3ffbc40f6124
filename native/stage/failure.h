/* What went wrong before there is a ledger: at the start of the zygote and in `enter`. */
#ifndef TERRARIUM_FAILURE_H
#define TERRARIUM_FAILURE_H

struct failure {
  const char *call; /* the system call, or the program that was run */
  int error;        /* positive errno */
  char text[256];   /* one line; what a program said, else what errno means */
};

/* Fills in the failure from errno and returns -1, so that callers can return it. */
int failed(struct failure *failure, const char *call);

#endif

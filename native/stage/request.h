/* One plan: read from a connection, executed, answered; then its process is watched until it ends. */
#ifndef TERRARIUM_REQUEST_H
#define TERRARIUM_REQUEST_H

/* In a fork of the zygote, which it turns into a monitor. Closes `connection`. */
_Noreturn void request_serve(int connection);

/* Answers a request that could not even be begun, with its errno. */
void request_refuse(int connection, int error);

#endif

/* The role `attach`: connects the terminal it runs in, or plain streams, to a monitor. */
#ifndef TERRARIUM_ATTACH_CLIENT_H
#define TERRARIUM_ATTACH_CLIENT_H

/*
 * attach [--no-stdin] [--no-terminal] [--no-hold] [--from-start | --replay BYTES] [--directory DIRECTORY] SOCKET
 * `argv[0]` is the name of the role. Returns the exit status: that of the process, 128 + signal when a signal made us
 * leave, 125 when the monitor cannot be reached or is lost.
 */
int attach_client_main(int argc, char **argv);

#endif

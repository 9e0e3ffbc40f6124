/* The role `enter`: run a program of ours with the ids of a zygote's user namespace. */
#ifndef TERRARIUM_ENTER_H
#define TERRARIUM_ENTER_H

/*
 * enter PID[:STARTTIME] -- COMMAND…: standard streams are kept. With a start time (clock ticks since boot) another process
 * that has this pid is not entered. 126 when the namespace cannot be entered, 127 when the command cannot run.
 */
int enter_main(int argc, char **argv);

#endif

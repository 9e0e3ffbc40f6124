/* The role `enter`: run a program of ours with the ids of the zygote's user namespace. */
#ifndef TERRARIUM_ENTER_H
#define TERRARIUM_ENTER_H

/* enter PID -- COMMAND…: standard streams are kept. 126 when the namespace cannot be entered, 127 when the command cannot run. */
int enter_main(int argc, char **argv);

#endif

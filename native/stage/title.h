#pragma once

/* Takes over the memory of the arguments. What was in it must have been copied. */
void title_prepare(int argc, char **argv);

/*
 * What /proc/PID/cmdline shows. Processes of a container can read it of an init of ours: the zygote's own arguments
 * would tell them paths of the host.
 */
void title_set(const char *title);

/*
 * What a process leaves running in a pid namespace that is not its own: no end of a PID 1 ends it, and where there is no
 * cgroup nothing lists it. But its user namespace is its own, and nobody leaves one for another that is not below it.
 */
#ifndef TERRARIUM_LEFT_H
#define TERRARIUM_LEFT_H

struct left {
  int user_fd; /* namespaces of the process; -1: none to look in */
  int pid_fd;
};

/*
 * Kills what is in both namespaces, or in some below them, and waits until it has ended, for some seconds at most: what the
 * kernel cannot end is left to the end of the pid namespace.
 */
void left_end(const struct left *left);

#endif

/*
 * What the kernel takes for a container, whatever program asks: the same namespaces, one overlay, /proc, pivot_root and
 * execve as ours, from a process that is there already and does nothing else. No /dev, no limits, no capabilities, no
 * filter, no record. Usage: floor ROOT FOLDER COMMAND…; for each line of input a container is made, `ready` is answered
 * at its first byte of output; the next line ends it and is answered by `ended`.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) err(1, "%s", path);
  close(fd);
}

static void map_ids(pid_t pid, unsigned uid, unsigned gid) {
  char path[64], map[64];
  snprintf(path, sizeof path, "/proc/%d/setgroups", pid);
  put(path, "deny");
  snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
  snprintf(map, sizeof map, "0 %u 1", uid);
  put(path, map);
  snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
  snprintf(map, sizeof map, "0 %u 1", gid);
  put(path, map);
}

static void contain(const char *root, const char *folder, char **command) {
  char data[4096], merged[2048];
  snprintf(data, sizeof data, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work,userxattr", root, folder, folder);
  snprintf(merged, sizeof merged, "%s/merged", folder);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) err(1, "private");
  if (mount("overlay", merged, "overlay", 0, data) < 0) err(1, "overlay");
  if (chdir(merged) < 0 || mount("proc", "proc", "proc", 0, NULL) < 0) err(1, "proc");
  if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0) err(1, "pivot_root");
  execve(command[0], command, (char *[]){NULL});
  err(1, "%s", command[0]);
}

static pid_t start(const char *root, const char *folder, char **command) {
  int output[2], mapped[2];
  char byte;
  if (pipe2(output, O_CLOEXEC) < 0 || pipe2(mapped, O_CLOEXEC) < 0) err(1, "pipe2");
  struct clone_args args = {.exit_signal = SIGCHLD,
                            .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
                                     CLONE_NEWNET | CLONE_NEWCGROUP};
  pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) err(1, "clone3");
  if (pid == 0) {
    if (read(mapped[0], &byte, 1) != 1 || dup2(output[1], 1) < 0) err(1, "read");
    contain(root, folder, command);
  }
  map_ids(pid, 0, 0);
  close(output[1]);
  if (write(mapped[1], "", 1) != 1 || read(output[0], &byte, 1) != 1) errx(1, "no output");
  close(output[0]);
  close(mapped[0]);
  close(mapped[1]);
  return pid;
}

int main(int argc, char **argv) {
  if (argc < 4) errx(2, "usage: floor ROOT FOLDER COMMAND...");
  const char *folders[] = {"upper", "work", "merged"};
  unsigned uid = geteuid(), gid = getegid();
  if (unshare(CLONE_NEWUSER) < 0) err(1, "unshare");
  map_ids(getpid(), uid, gid);
  for (int i = 0; i < 3; i++) {
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", argv[2], folders[i]);
    if (mkdir(path, 0755) < 0) err(1, "%s", path);
  }
  char line[8];
  for (pid_t pid = 0; read(0, line, sizeof line) > 0; puts(pid > 0 ? "ready" : "ended"), fflush(stdout)) {
    if (pid == 0) {
      pid = start(argv[1], argv[2], argv + 3);
      continue;
    }
    kill(pid, SIGKILL);
    if (waitpid(pid, NULL, 0) < 0) err(1, "waitpid");
    pid = 0;
  }
  return 0;
}

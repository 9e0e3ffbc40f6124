/* What each step does. All return 0 or -errno; their calls are in the ledger. */
#ifndef TERRARIUM_STEPS_H
#define TERRARIUM_STEPS_H

#include <linux/sched.h>

#include "context.h"

/* Executes plan->steps[context->step] and passes over what the step tolerates. Returns 0 or -errno. */
int step_run(struct context *context);

/* steps_namespaces.c */
int run_unshare(struct context *context, const struct step_unshare *step);
int run_set_namespaces(struct context *context, const struct step_set_namespaces *step);
int run_join_namespace(struct context *context, const struct step_join_namespace *step);
int run_bind_namespace(struct context *context, const struct step_bind_namespace *step);
int run_kill_left(struct context *context);
int run_map_ids(struct context *context, const struct step_map_ids *step);
int run_set_hostname(struct context *context, const struct step_set_hostname *step);
int run_set_domainname(struct context *context, const struct step_set_domainname *step);
int run_bring_up(struct context *context, const struct step_bring_up *step);

/* Opens the process (a pidfd) and checks that it is the one meant: -ESRCH when its start time is another. */
int open_process(struct context *context, pid_t pid, uint64_t start_time);

/* steps_enter.c: the namespaces of any process, one by one */
int run_open_namespace(struct context *context, const struct step_open_namespace *step);
int run_enter_namespace(struct context *context, const struct step_enter_namespace *step);
int run_open_root(struct context *context, const struct step_open_root *step);
int run_enter_root(struct context *context, const struct step_enter_root *step);
int run_fork(struct context *context);

/* steps_network.c */
int run_make_bridge(struct context *context, const struct step_make_bridge *step);
int run_make_veth(struct context *context, const struct step_make_veth *step);
int run_add_address(struct context *context, const struct step_add_address *step);
int run_add_default_route(struct context *context, const struct step_add_default_route *step);
int run_set_link(struct context *context, const struct step_set_link *step);

/* steps_masquerade.c */
int run_masquerade(struct context *context, const struct step_masquerade *step);

/* steps_qdisc.c */
int run_add_netem(struct context *context, const struct step_add_netem *step);
int run_add_token_bucket(struct context *context, const struct step_add_token_bucket *step);
int run_remove_qdisc(struct context *context, const struct step_remove_qdisc *step);

/* steps_join.c: namespaces of others, joined at the clone */
int run_hold_namespaces(struct context *context, const struct step_hold_namespaces *step);
int run_check_user_namespace(struct context *context, const struct step_check_user_namespace *step);
int run_prepare_mount(struct context *context, const struct step_prepare_mount *step);
int run_attach_prepared(struct context *context, const struct step_attach_prepared *step);
/* clone3 in the namespaces that are held: as clone3, 0 in the new process; -errno, noted with its step. */
long clone_joined(struct context *context, struct clone_args *args, const char *cgroup);

/* steps_cgroup.c */
int run_make_cgroup(struct context *context, const struct step_make_cgroup *step);
int run_share_cgroups(struct context *context, const struct step_share_cgroups *step);
int run_join_cgroup(struct context *context, const struct step_join_cgroup *step);
int run_remove_cgroup(struct context *context, const struct step_remove_cgroup *step);
/* Opens the folder of a cgroup, after a check that it is one; `magic`: the file system it must be, 0: v1 or v2. */
int open_cgroup(struct context *context, const char *path, long magic);
/* Kills what is in the cgroup and removes it and those below it; waits up to a second for the killed. */
int remove_cgroup_patiently(const char *path);

/* steps_files.c */
int run_make_directory(struct context *context, const struct step_make_directory *step);
int run_make_file(struct context *context, const struct step_make_file *step);
int run_symlink(struct context *context, const struct step_symlink *step);
int run_write_file(struct context *context, const struct step_write_file *step);
/* Writes `data` to an open file in one write(2). */
int write_once(struct context *context, int fd, const char *data);
/* Fails with -EXDEV unless the file lies on a file system of that magic number. */
int check_magic(struct context *context, int fd, long magic);

/* remove_tree.c */
int run_remove_tree(struct context *context, const struct step_remove_tree *step);

/* steps_mount.c */
int run_set_propagation(struct context *context, const struct step_set_propagation *step);
int run_mount(struct context *context, const struct step_mount *step);
int run_bind(struct context *context, const struct step_bind *step);
int run_mask_path(struct context *context, const struct step_mask_path *step);
int run_readonly_path(struct context *context, const struct step_readonly_path *step);

/*
 * A detached copy of a mount of the host, with its attributes set. `source` is a real path: a link in it is refused.
 */
int clone_source(struct context *context, const struct step_clone_mount *step);
/* Moves a detached mount to a path, made when missing in a root; refused in procfs and sysfs of a root. */
int place_mount(struct context *context, int mount_fd, const char *destination);
/* The same of a new file system, as `mount` does it: onto a directory, which sysfs may have, and through no link at the end. */
int place_new_mount(struct context *context, int mount_fd, const char *destination);

/* steps_live_mount.c: what is mounted in a container that runs */
int run_clone_mount(struct context *context, const struct step_clone_mount *step);
int run_create_mount(struct context *context, const struct step_create_mount *step);
int run_attach_mount(struct context *context, const struct step_attach_mount *step);
int run_unmount(struct context *context, const struct step_unmount *step);

/* mount_calls.c */
struct mount_change {
  uint64_t set; /* MOUNT_ATTR_* */
  uint64_t propagation;
  bool recursive;
};
int change_mount(struct context *context, int fd, const struct mount_change *change);
/* A detached copy of the mount that `path` (from `fd`; "" for `fd` itself) lies on. */
int clone_mount(struct context *context, int fd, const char *path, bool recursive);
int attach_mount(struct context *context, int mount_fd, int destination_fd);
/* A detached new file system; `data`: parameters between commas, as mount(8) takes them. */
int new_mount(struct context *context, const struct step_mount *step);

/* steps_root.c */
int run_set_root(struct context *context, const struct step_set_root *step);
int run_pivot_root(struct context *context);
int run_chroot(struct context *context);
int run_set_root_attributes(struct context *context, const struct step_set_root_attributes *step);
int run_change_directory(struct context *context, const struct step_change_directory *step);
/* A detached mount of the host's /dev/null, checked to be character device 1:3. */
int clone_null(struct context *context);

/* steps_credentials.c */
int run_set_rlimit(struct context *context, const struct step_set_rlimit *step);
int run_set_dumpable(struct context *context, const struct step_set_dumpable *step);
int run_limit_bounding_set(struct context *context, const struct step_limit_bounding_set *step);
int run_set_ids(struct context *context, const struct step_set_ids *step);
int run_set_capabilities(struct context *context, const struct step_set_capabilities *step);
int run_set_no_new_privileges(struct context *context);
int run_install_seccomp(struct context *context, const struct step_install_seccomp *step);

/* steps_terminal.c */
int run_open_terminal(struct context *context, const struct step_open_terminal *step);
int run_set_session(struct context *context);

/* steps_process.c */
int run_execute(struct context *context, const struct step_execute *step);
int run_lease(struct context *context, const struct step_lease *step);
int run_use_lease(struct context *context, const struct step_use_lease *step);
int run_stay_init(struct context *context);

/* launch.c: steps of the monitor that prepare the clone */
int run_monitor(struct context *context, const struct step_monitor *step);
int run_make_pipes(struct context *context, const struct step_make_pipes *step);
int run_clone(struct context *context, const struct step_clone *step);
int run_count_denied(struct context *context, const struct step_count_denied *step);

/* child.c */

/*
 * Tells the monitor that only giving up privileges and exec are left, and waits until it has taken hold of our root.
 * Does so once: before the first seccomp filter, under which even a message might be refused, else before exec.
 */
int hand_over(struct context *context);
/* The new process dies with its monitor until it executes; a change of ids clears that. */
int die_with_monitor(struct context *context, bool yes);

/* trial.c: what the doctor tries beyond the steps of containers. */
int run_trial(struct context *context, const struct step_trial *step);

#endif

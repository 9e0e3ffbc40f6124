#include "steps.h"

#include <errno.h>

static int dispatch(struct context *context, const struct step *step) {
  const union step_fields *as = &step->as;
  switch ((enum step_code)step->code) {
    case STEP_MONITOR:
      return run_monitor(context, &as->monitor);
    case STEP_MAKE_DIRECTORY:
      return run_make_directory(context, &as->make_directory);
    case STEP_MAKE_FILE:
      return run_make_file(context, &as->make_file);
    case STEP_SYMLINK:
      return run_symlink(context, &as->symlink);
    case STEP_WRITE_FILE:
      return run_write_file(context, &as->write_file);
    case STEP_MAKE_CGROUP:
      return run_make_cgroup(context, &as->make_cgroup);
    case STEP_SHARE_CGROUPS:
      return run_share_cgroups(context, &as->share_cgroups);
    case STEP_UNSHARE:
      return run_unshare(context, &as->unshare);
    case STEP_SET_NAMESPACES:
      return run_set_namespaces(context, &as->set_namespaces);
    case STEP_JOIN_NAMESPACE:
      return run_join_namespace(context, &as->join_namespace);
    case STEP_HOLD_NAMESPACES:
      return run_hold_namespaces(context, &as->hold_namespaces);
    case STEP_CHECK_USER_NAMESPACE:
      return run_check_user_namespace(context, &as->check_user_namespace);
    case STEP_PREPARE_MOUNT:
      return run_prepare_mount(context, &as->prepare_mount);
    case STEP_ATTACH_PREPARED:
      return run_attach_prepared(context, &as->attach_prepared);
    case STEP_MAKE_PIPES:
      return run_make_pipes(context, &as->make_pipes);
    case STEP_CLONE:
      return run_clone(context, &as->clone);
    case STEP_MAP_IDS:
      return run_map_ids(context, &as->map_ids);
    case STEP_KILL_LEFT:
      return run_kill_left(context);
    case STEP_JOIN_CGROUP:
      return run_join_cgroup(context, &as->join_cgroup);
    case STEP_SET_PROPAGATION:
      return run_set_propagation(context, &as->set_propagation);
    case STEP_MOUNT:
      return run_mount(context, &as->mount);
    case STEP_BIND:
      return run_bind(context, &as->bind);
    case STEP_CLONE_MOUNT:
      return run_clone_mount(context, &as->clone_mount);
    case STEP_CREATE_MOUNT:
      return run_create_mount(context, &as->create_mount);
    case STEP_ATTACH_MOUNT:
      return run_attach_mount(context, &as->attach_mount);
    case STEP_UNMOUNT:
      return run_unmount(context, &as->unmount);
    case STEP_MASK_PATH:
      return run_mask_path(context, &as->mask_path);
    case STEP_READONLY_PATH:
      return run_readonly_path(context, &as->readonly_path);
    case STEP_SET_ROOT:
      return run_set_root(context, &as->set_root);
    case STEP_PIVOT_ROOT:
      return run_pivot_root(context);
    case STEP_CHROOT:
      return run_chroot(context);
    case STEP_SET_ROOT_ATTRIBUTES:
      return run_set_root_attributes(context, &as->set_root_attributes);
    case STEP_SET_HOSTNAME:
      return run_set_hostname(context, &as->set_hostname);
    case STEP_SET_DOMAINNAME:
      return run_set_domainname(context, &as->set_domainname);
    case STEP_BRING_UP:
      return run_bring_up(context, &as->bring_up);
    case STEP_SET_RLIMIT:
      return run_set_rlimit(context, &as->set_rlimit);
    case STEP_OPEN_TERMINAL:
      return run_open_terminal(context, &as->open_terminal);
    case STEP_SET_SESSION:
      return run_set_session(context);
    case STEP_SET_DUMPABLE:
      return run_set_dumpable(context, &as->set_dumpable);
    case STEP_LIMIT_BOUNDING_SET:
      return run_limit_bounding_set(context, &as->limit_bounding_set);
    case STEP_SET_IDS:
      return run_set_ids(context, &as->set_ids);
    case STEP_SET_CAPABILITIES:
      return run_set_capabilities(context, &as->set_capabilities);
    case STEP_SET_NO_NEW_PRIVILEGES:
      return run_set_no_new_privileges(context);
    case STEP_INSTALL_SECCOMP:
      return run_install_seccomp(context, &as->install_seccomp);
    case STEP_CHANGE_DIRECTORY:
      return run_change_directory(context, &as->change_directory);
    case STEP_EXECUTE:
      return run_execute(context, &as->execute);
    case STEP_USE_LEASE:
      return run_use_lease(context, &as->use_lease);
    case STEP_LEASE:
      return run_lease(context, &as->lease);
    case STEP_STAY_INIT:
      return run_stay_init(context);
    case STEP_REMOVE_TREE:
      return run_remove_tree(context, &as->remove_tree);
    case STEP_REMOVE_CGROUP:
      return run_remove_cgroup(context, &as->remove_cgroup);
    case STEP_OPEN_NAMESPACE:
      return run_open_namespace(context, &as->open_namespace);
    case STEP_ENTER_NAMESPACE:
      return run_enter_namespace(context, &as->enter_namespace);
    case STEP_OPEN_ROOT:
      return run_open_root(context, &as->open_root);
    case STEP_ENTER_ROOT:
      return run_enter_root(context, &as->enter_root);
    case STEP_FORK:
      return run_fork(context);
    case STEP_MAKE_BRIDGE:
      return run_make_bridge(context, &as->make_bridge);
    case STEP_MAKE_VETH:
      return run_make_veth(context, &as->make_veth);
    case STEP_ADD_ADDRESS:
      return run_add_address(context, &as->add_address);
    case STEP_ADD_DEFAULT_ROUTE:
      return run_add_default_route(context, &as->add_default_route);
    case STEP_MASQUERADE:
      return run_masquerade(context, &as->masquerade);
    case STEP_SET_LINK:
      return run_set_link(context, &as->set_link);
    case STEP_ADD_NETEM:
      return run_add_netem(context, &as->add_netem);
    case STEP_ADD_TOKEN_BUCKET:
      return run_add_token_bucket(context, &as->add_token_bucket);
    case STEP_REMOVE_QDISC:
      return run_remove_qdisc(context, &as->remove_qdisc);
    case STEP_BIND_NAMESPACE:
      return run_bind_namespace(context, &as->bind_namespace);
    case STEP_COUNT_DENIED:
      return run_count_denied(context, &as->count_denied);
    case STEP_TRIAL:
      return run_trial(context, &as->trial);
  }
  return -EBADMSG; /* the decoder lets no other code pass */
}

int step_run(struct context *context) {
  const struct step *step = &context->plan->steps[context->step];
  int error = dispatch(context, step);
  if (step->tolerate == TOLERATE_ANY) return 0;
  if (step->tolerate == TOLERATE_MISSING && (error == -ENOENT || error == -ENOTDIR)) return 0;
  /* Some calls succeed with a number (setsid with an id). */
  return error < 0 ? error : 0;
}

/* Made by scripts/generate.mjs from helper/plan/step.ts: do not edit. */
#ifndef TERRARIUM_STEPS_GENERATED_H
#define TERRARIUM_STEPS_GENERATED_H

#include <stddef.h>
#include <stdint.h>

enum field_type { FIELD_U32, FIELD_U64, FIELD_STRING, FIELD_STRINGS, FIELD_BYTES };
enum step_actor { ACTOR_MONITOR, ACTOR_INIT, ACTOR_ANY };

/* `items` ends with a NULL that `count` leaves out. */
struct field_strings {
  const char **items;
  uint32_t count;
};

/* Not aligned: it lies in the plan as it was received. */
struct field_bytes {
  const uint8_t *data;
  uint32_t length;
};

enum step_code {
  STEP_MONITOR = 1,
  STEP_MAKE_DIRECTORY = 2,
  STEP_MAKE_FILE = 3,
  STEP_SYMLINK = 4,
  STEP_WRITE_FILE = 5,
  STEP_MAKE_CGROUP = 6,
  STEP_UNSHARE = 7,
  STEP_SET_NAMESPACES = 8,
  STEP_JOIN_NAMESPACE = 9,
  STEP_MAKE_PIPES = 10,
  STEP_CLONE = 11,
  STEP_MAP_IDS = 12,
  STEP_JOIN_CGROUP = 13,
  STEP_SET_PROPAGATION = 14,
  STEP_MOUNT = 15,
  STEP_BIND = 16,
  STEP_MASK_PATH = 17,
  STEP_READONLY_PATH = 18,
  STEP_SET_ROOT = 19,
  STEP_PIVOT_ROOT = 20,
  STEP_CHROOT = 21,
  STEP_SET_ROOT_ATTRIBUTES = 22,
  STEP_SET_HOSTNAME = 23,
  STEP_SET_DOMAINNAME = 24,
  STEP_BRING_UP = 25,
  STEP_SET_RLIMIT = 26,
  STEP_OPEN_TERMINAL = 27,
  STEP_SET_SESSION = 28,
  STEP_SET_DUMPABLE = 29,
  STEP_LIMIT_BOUNDING_SET = 30,
  STEP_SET_IDS = 31,
  STEP_SET_CAPABILITIES = 32,
  STEP_SET_NO_NEW_PRIVILEGES = 33,
  STEP_INSTALL_SECCOMP = 34,
  STEP_CHANGE_DIRECTORY = 35,
  STEP_EXECUTE = 36,
  STEP_STAY_INIT = 37,
  STEP_REMOVE_TREE = 38,
  STEP_REMOVE_CGROUP = 39,
  STEP_LEASE = 40,
  STEP_TRIAL = 41,
  STEP_SHARE_CGROUPS = 42,
  STEP_COUNT_DENIED = 90,
  STEP_MAKE_BRIDGE = 50,
  STEP_MAKE_VETH = 51,
  STEP_ADD_ADDRESS = 52,
  STEP_ADD_DEFAULT_ROUTE = 53,
  STEP_MASQUERADE = 54,
  STEP_SET_LINK = 55,
  STEP_ADD_NETEM = 56,
  STEP_ADD_TOKEN_BUCKET = 57,
  STEP_REMOVE_QDISC = 58,
  STEP_BIND_NAMESPACE = 59,
  STEP_CLONE_MOUNT = 60,
  STEP_CREATE_MOUNT = 61,
  STEP_ATTACH_MOUNT = 62,
  STEP_UNMOUNT = 63,
  STEP_USE_LEASE = 80,
  STEP_KILL_LEFT = 86,
  STEP_HOLD_NAMESPACES = 70,
  STEP_CHECK_USER_NAMESPACE = 81,
  STEP_PREPARE_MOUNT = 71,
  STEP_ATTACH_PREPARED = 72,
  STEP_OPEN_NAMESPACE = 75,
  STEP_ENTER_NAMESPACE = 76,
  STEP_OPEN_ROOT = 77,
  STEP_ENTER_ROOT = 78,
  STEP_FORK = 79,
};

struct step_monitor {
  const char *directory;
  const char *socket;
  uint64_t output_limit;
  const char *events;
};

struct step_make_directory {
  const char *path;
  uint32_t mode;
};

struct step_make_file {
  const char *path;
  uint32_t mode;
};

struct step_symlink {
  const char *target;
  const char *path;
};

struct step_write_file {
  const char *path;
  const char *data;
  uint32_t magic;
};

struct step_make_cgroup {
  const char *path;
};

struct step_unshare {
  uint32_t flags;
};

struct step_set_namespaces {
  uint32_t pid;
  uint64_t start_time;
  uint32_t flags;
};

struct step_join_namespace {
  const char *path;
  uint32_t flags;
};

struct step_make_pipes {
  uint32_t stdin;
};

struct step_clone {
  uint32_t flags;
  const char *cgroup;
};

struct step_map_ids {
  const char *uid_map;
  const char *gid_map;
  const char *setgroups;
};

struct step_join_cgroup {
  const char *path;
};

struct step_set_propagation {
  const char *path;
  uint32_t flags;
};

struct step_mount {
  const char *type;
  const char *source;
  const char *destination;
  uint32_t attributes;
  const char *data;
};

struct step_bind {
  const char *source;
  const char *destination;
  uint32_t recursive;
  uint32_t attributes;
  uint32_t propagation;
  uint64_t device;
};

struct step_mask_path {
  const char *path;
};

struct step_readonly_path {
  const char *path;
};

struct step_set_root {
  const char *path;
};

struct step_set_root_attributes {
  uint32_t attributes;
};

struct step_set_hostname {
  const char *name;
};

struct step_set_domainname {
  const char *name;
};

struct step_bring_up {
  const char *interface;
};

struct step_set_rlimit {
  uint32_t resource;
  uint64_t soft;
  uint64_t hard;
};

struct step_open_terminal {
  uint32_t rows;
  uint32_t columns;
};

struct step_set_dumpable {
  uint32_t value;
};

struct step_limit_bounding_set {
  uint64_t keep;
};

struct step_set_ids {
  uint32_t uid;
  uint32_t gid;
  struct field_bytes groups;
  uint32_t setgroups;
  uint32_t keep_capabilities;
  uint32_t umask;
};

struct step_set_capabilities {
  uint64_t effective;
  uint64_t permitted;
  uint64_t inheritable;
  uint64_t ambient;
};

struct step_install_seccomp {
  struct field_bytes filter;
  uint32_t flags;
};

struct step_change_directory {
  const char *path;
};

struct step_execute {
  struct field_strings paths;
  struct field_strings args;
  struct field_strings env;
  uint32_t supervise;
};

struct step_remove_tree {
  const char *path;
};

struct step_remove_cgroup {
  const char *path;
};

struct step_lease {
  const char *path;
};

struct step_trial {
  const char *name;
};

struct step_share_cgroups {
  struct field_strings paths;
};

struct step_count_denied {
  const char *path;
};

struct step_make_bridge {
  const char *name;
  struct field_bytes mac;
};

struct step_make_veth {
  const char *name;
  const char *bridge;
  const char *peer;
  struct field_bytes mac;
};

struct step_add_address {
  const char *interface;
  const char *address;
  uint32_t prefix;
};

struct step_add_default_route {
  const char *gateway;
  const char *interface;
};

struct step_masquerade {
  const char *interface;
  uint32_t family;
};

struct step_set_link {
  const char *interface;
  uint32_t up;
};

struct step_add_netem {
  const char *interface;
  uint64_t latency;
  uint32_t loss;
  uint64_t rate;
  uint32_t limit;
};

struct step_add_token_bucket {
  const char *interface;
  uint64_t rate;
  uint32_t burst;
  uint32_t limit;
};

struct step_remove_qdisc {
  const char *interface;
};

struct step_bind_namespace {
  const char *source;
  const char *path;
};

struct step_clone_mount {
  const char *source;
  uint32_t recursive;
  uint32_t attributes;
  uint32_t propagation;
};

struct step_create_mount {
  const char *type;
  const char *source;
  uint32_t attributes;
  const char *data;
};

struct step_attach_mount {
  const char *destination;
};

struct step_unmount {
  const char *path;
  uint64_t mount;
};

struct step_use_lease {
  const char *path;
};

struct step_hold_namespaces {
  uint32_t pid;
  uint64_t start_time;
  uint32_t flags;
};

struct step_check_user_namespace {
  uint32_t pid;
  uint64_t start_time;
};

struct step_prepare_mount {
  const char *type;
  const char *source;
  uint32_t attributes;
  const char *data;
};

struct step_attach_prepared {
  const char *destination;
};

struct step_open_namespace {
  uint32_t slot;
  uint32_t pid;
  uint64_t start_time;
  uint32_t type;
  uint32_t ancestor;
  uint64_t inode;
};

struct step_enter_namespace {
  uint32_t slot;
  uint32_t type;
};

struct step_open_root {
  uint32_t slot;
  uint32_t pid;
  uint64_t start_time;
};

struct step_enter_root {
  uint32_t slot;
};

union step_fields {
  struct step_monitor monitor;
  struct step_make_directory make_directory;
  struct step_make_file make_file;
  struct step_symlink symlink;
  struct step_write_file write_file;
  struct step_make_cgroup make_cgroup;
  struct step_unshare unshare;
  struct step_set_namespaces set_namespaces;
  struct step_join_namespace join_namespace;
  struct step_make_pipes make_pipes;
  struct step_clone clone;
  struct step_map_ids map_ids;
  struct step_join_cgroup join_cgroup;
  struct step_set_propagation set_propagation;
  struct step_mount mount;
  struct step_bind bind;
  struct step_mask_path mask_path;
  struct step_readonly_path readonly_path;
  struct step_set_root set_root;
  struct step_set_root_attributes set_root_attributes;
  struct step_set_hostname set_hostname;
  struct step_set_domainname set_domainname;
  struct step_bring_up bring_up;
  struct step_set_rlimit set_rlimit;
  struct step_open_terminal open_terminal;
  struct step_set_dumpable set_dumpable;
  struct step_limit_bounding_set limit_bounding_set;
  struct step_set_ids set_ids;
  struct step_set_capabilities set_capabilities;
  struct step_install_seccomp install_seccomp;
  struct step_change_directory change_directory;
  struct step_execute execute;
  struct step_remove_tree remove_tree;
  struct step_remove_cgroup remove_cgroup;
  struct step_lease lease;
  struct step_trial trial;
  struct step_share_cgroups share_cgroups;
  struct step_count_denied count_denied;
  struct step_make_bridge make_bridge;
  struct step_make_veth make_veth;
  struct step_add_address add_address;
  struct step_add_default_route add_default_route;
  struct step_masquerade masquerade;
  struct step_set_link set_link;
  struct step_add_netem add_netem;
  struct step_add_token_bucket add_token_bucket;
  struct step_remove_qdisc remove_qdisc;
  struct step_bind_namespace bind_namespace;
  struct step_clone_mount clone_mount;
  struct step_create_mount create_mount;
  struct step_attach_mount attach_mount;
  struct step_unmount unmount;
  struct step_use_lease use_lease;
  struct step_hold_namespaces hold_namespaces;
  struct step_check_user_namespace check_user_namespace;
  struct step_prepare_mount prepare_mount;
  struct step_attach_prepared attach_prepared;
  struct step_open_namespace open_namespace;
  struct step_enter_namespace enter_namespace;
  struct step_open_root open_root;
  struct step_enter_root enter_root;
};

struct field_shape {
  uint8_t type;
  uint8_t offset;
};

static const struct field_shape fields_monitor[] = {
    {FIELD_STRING, offsetof(struct step_monitor, directory)},
    {FIELD_STRING, offsetof(struct step_monitor, socket)},
    {FIELD_U64, offsetof(struct step_monitor, output_limit)},
    {FIELD_STRING, offsetof(struct step_monitor, events)},
};
static const struct field_shape fields_make_directory[] = {
    {FIELD_STRING, offsetof(struct step_make_directory, path)},
    {FIELD_U32, offsetof(struct step_make_directory, mode)},
};
static const struct field_shape fields_make_file[] = {
    {FIELD_STRING, offsetof(struct step_make_file, path)},
    {FIELD_U32, offsetof(struct step_make_file, mode)},
};
static const struct field_shape fields_symlink[] = {
    {FIELD_STRING, offsetof(struct step_symlink, target)},
    {FIELD_STRING, offsetof(struct step_symlink, path)},
};
static const struct field_shape fields_write_file[] = {
    {FIELD_STRING, offsetof(struct step_write_file, path)},
    {FIELD_STRING, offsetof(struct step_write_file, data)},
    {FIELD_U32, offsetof(struct step_write_file, magic)},
};
static const struct field_shape fields_make_cgroup[] = {
    {FIELD_STRING, offsetof(struct step_make_cgroup, path)},
};
static const struct field_shape fields_unshare[] = {
    {FIELD_U32, offsetof(struct step_unshare, flags)},
};
static const struct field_shape fields_set_namespaces[] = {
    {FIELD_U32, offsetof(struct step_set_namespaces, pid)},
    {FIELD_U64, offsetof(struct step_set_namespaces, start_time)},
    {FIELD_U32, offsetof(struct step_set_namespaces, flags)},
};
static const struct field_shape fields_join_namespace[] = {
    {FIELD_STRING, offsetof(struct step_join_namespace, path)},
    {FIELD_U32, offsetof(struct step_join_namespace, flags)},
};
static const struct field_shape fields_make_pipes[] = {
    {FIELD_U32, offsetof(struct step_make_pipes, stdin)},
};
static const struct field_shape fields_clone[] = {
    {FIELD_U32, offsetof(struct step_clone, flags)},
    {FIELD_STRING, offsetof(struct step_clone, cgroup)},
};
static const struct field_shape fields_map_ids[] = {
    {FIELD_STRING, offsetof(struct step_map_ids, uid_map)},
    {FIELD_STRING, offsetof(struct step_map_ids, gid_map)},
    {FIELD_STRING, offsetof(struct step_map_ids, setgroups)},
};
static const struct field_shape fields_join_cgroup[] = {
    {FIELD_STRING, offsetof(struct step_join_cgroup, path)},
};
static const struct field_shape fields_set_propagation[] = {
    {FIELD_STRING, offsetof(struct step_set_propagation, path)},
    {FIELD_U32, offsetof(struct step_set_propagation, flags)},
};
static const struct field_shape fields_mount[] = {
    {FIELD_STRING, offsetof(struct step_mount, type)},
    {FIELD_STRING, offsetof(struct step_mount, source)},
    {FIELD_STRING, offsetof(struct step_mount, destination)},
    {FIELD_U32, offsetof(struct step_mount, attributes)},
    {FIELD_STRING, offsetof(struct step_mount, data)},
};
static const struct field_shape fields_bind[] = {
    {FIELD_STRING, offsetof(struct step_bind, source)},
    {FIELD_STRING, offsetof(struct step_bind, destination)},
    {FIELD_U32, offsetof(struct step_bind, recursive)},
    {FIELD_U32, offsetof(struct step_bind, attributes)},
    {FIELD_U32, offsetof(struct step_bind, propagation)},
    {FIELD_U64, offsetof(struct step_bind, device)},
};
static const struct field_shape fields_mask_path[] = {
    {FIELD_STRING, offsetof(struct step_mask_path, path)},
};
static const struct field_shape fields_readonly_path[] = {
    {FIELD_STRING, offsetof(struct step_readonly_path, path)},
};
static const struct field_shape fields_set_root[] = {
    {FIELD_STRING, offsetof(struct step_set_root, path)},
};
static const struct field_shape fields_set_root_attributes[] = {
    {FIELD_U32, offsetof(struct step_set_root_attributes, attributes)},
};
static const struct field_shape fields_set_hostname[] = {
    {FIELD_STRING, offsetof(struct step_set_hostname, name)},
};
static const struct field_shape fields_set_domainname[] = {
    {FIELD_STRING, offsetof(struct step_set_domainname, name)},
};
static const struct field_shape fields_bring_up[] = {
    {FIELD_STRING, offsetof(struct step_bring_up, interface)},
};
static const struct field_shape fields_set_rlimit[] = {
    {FIELD_U32, offsetof(struct step_set_rlimit, resource)},
    {FIELD_U64, offsetof(struct step_set_rlimit, soft)},
    {FIELD_U64, offsetof(struct step_set_rlimit, hard)},
};
static const struct field_shape fields_open_terminal[] = {
    {FIELD_U32, offsetof(struct step_open_terminal, rows)},
    {FIELD_U32, offsetof(struct step_open_terminal, columns)},
};
static const struct field_shape fields_set_dumpable[] = {
    {FIELD_U32, offsetof(struct step_set_dumpable, value)},
};
static const struct field_shape fields_limit_bounding_set[] = {
    {FIELD_U64, offsetof(struct step_limit_bounding_set, keep)},
};
static const struct field_shape fields_set_ids[] = {
    {FIELD_U32, offsetof(struct step_set_ids, uid)},
    {FIELD_U32, offsetof(struct step_set_ids, gid)},
    {FIELD_BYTES, offsetof(struct step_set_ids, groups)},
    {FIELD_U32, offsetof(struct step_set_ids, setgroups)},
    {FIELD_U32, offsetof(struct step_set_ids, keep_capabilities)},
    {FIELD_U32, offsetof(struct step_set_ids, umask)},
};
static const struct field_shape fields_set_capabilities[] = {
    {FIELD_U64, offsetof(struct step_set_capabilities, effective)},
    {FIELD_U64, offsetof(struct step_set_capabilities, permitted)},
    {FIELD_U64, offsetof(struct step_set_capabilities, inheritable)},
    {FIELD_U64, offsetof(struct step_set_capabilities, ambient)},
};
static const struct field_shape fields_install_seccomp[] = {
    {FIELD_BYTES, offsetof(struct step_install_seccomp, filter)},
    {FIELD_U32, offsetof(struct step_install_seccomp, flags)},
};
static const struct field_shape fields_change_directory[] = {
    {FIELD_STRING, offsetof(struct step_change_directory, path)},
};
static const struct field_shape fields_execute[] = {
    {FIELD_STRINGS, offsetof(struct step_execute, paths)},
    {FIELD_STRINGS, offsetof(struct step_execute, args)},
    {FIELD_STRINGS, offsetof(struct step_execute, env)},
    {FIELD_U32, offsetof(struct step_execute, supervise)},
};
static const struct field_shape fields_remove_tree[] = {
    {FIELD_STRING, offsetof(struct step_remove_tree, path)},
};
static const struct field_shape fields_remove_cgroup[] = {
    {FIELD_STRING, offsetof(struct step_remove_cgroup, path)},
};
static const struct field_shape fields_lease[] = {
    {FIELD_STRING, offsetof(struct step_lease, path)},
};
static const struct field_shape fields_trial[] = {
    {FIELD_STRING, offsetof(struct step_trial, name)},
};
static const struct field_shape fields_share_cgroups[] = {
    {FIELD_STRINGS, offsetof(struct step_share_cgroups, paths)},
};
static const struct field_shape fields_count_denied[] = {
    {FIELD_STRING, offsetof(struct step_count_denied, path)},
};
static const struct field_shape fields_make_bridge[] = {
    {FIELD_STRING, offsetof(struct step_make_bridge, name)},
    {FIELD_BYTES, offsetof(struct step_make_bridge, mac)},
};
static const struct field_shape fields_make_veth[] = {
    {FIELD_STRING, offsetof(struct step_make_veth, name)},
    {FIELD_STRING, offsetof(struct step_make_veth, bridge)},
    {FIELD_STRING, offsetof(struct step_make_veth, peer)},
    {FIELD_BYTES, offsetof(struct step_make_veth, mac)},
};
static const struct field_shape fields_add_address[] = {
    {FIELD_STRING, offsetof(struct step_add_address, interface)},
    {FIELD_STRING, offsetof(struct step_add_address, address)},
    {FIELD_U32, offsetof(struct step_add_address, prefix)},
};
static const struct field_shape fields_add_default_route[] = {
    {FIELD_STRING, offsetof(struct step_add_default_route, gateway)},
    {FIELD_STRING, offsetof(struct step_add_default_route, interface)},
};
static const struct field_shape fields_masquerade[] = {
    {FIELD_STRING, offsetof(struct step_masquerade, interface)},
    {FIELD_U32, offsetof(struct step_masquerade, family)},
};
static const struct field_shape fields_set_link[] = {
    {FIELD_STRING, offsetof(struct step_set_link, interface)},
    {FIELD_U32, offsetof(struct step_set_link, up)},
};
static const struct field_shape fields_add_netem[] = {
    {FIELD_STRING, offsetof(struct step_add_netem, interface)},
    {FIELD_U64, offsetof(struct step_add_netem, latency)},
    {FIELD_U32, offsetof(struct step_add_netem, loss)},
    {FIELD_U64, offsetof(struct step_add_netem, rate)},
    {FIELD_U32, offsetof(struct step_add_netem, limit)},
};
static const struct field_shape fields_add_token_bucket[] = {
    {FIELD_STRING, offsetof(struct step_add_token_bucket, interface)},
    {FIELD_U64, offsetof(struct step_add_token_bucket, rate)},
    {FIELD_U32, offsetof(struct step_add_token_bucket, burst)},
    {FIELD_U32, offsetof(struct step_add_token_bucket, limit)},
};
static const struct field_shape fields_remove_qdisc[] = {
    {FIELD_STRING, offsetof(struct step_remove_qdisc, interface)},
};
static const struct field_shape fields_bind_namespace[] = {
    {FIELD_STRING, offsetof(struct step_bind_namespace, source)},
    {FIELD_STRING, offsetof(struct step_bind_namespace, path)},
};
static const struct field_shape fields_clone_mount[] = {
    {FIELD_STRING, offsetof(struct step_clone_mount, source)},
    {FIELD_U32, offsetof(struct step_clone_mount, recursive)},
    {FIELD_U32, offsetof(struct step_clone_mount, attributes)},
    {FIELD_U32, offsetof(struct step_clone_mount, propagation)},
};
static const struct field_shape fields_create_mount[] = {
    {FIELD_STRING, offsetof(struct step_create_mount, type)},
    {FIELD_STRING, offsetof(struct step_create_mount, source)},
    {FIELD_U32, offsetof(struct step_create_mount, attributes)},
    {FIELD_STRING, offsetof(struct step_create_mount, data)},
};
static const struct field_shape fields_attach_mount[] = {
    {FIELD_STRING, offsetof(struct step_attach_mount, destination)},
};
static const struct field_shape fields_unmount[] = {
    {FIELD_STRING, offsetof(struct step_unmount, path)},
    {FIELD_U64, offsetof(struct step_unmount, mount)},
};
static const struct field_shape fields_use_lease[] = {
    {FIELD_STRING, offsetof(struct step_use_lease, path)},
};
static const struct field_shape fields_hold_namespaces[] = {
    {FIELD_U32, offsetof(struct step_hold_namespaces, pid)},
    {FIELD_U64, offsetof(struct step_hold_namespaces, start_time)},
    {FIELD_U32, offsetof(struct step_hold_namespaces, flags)},
};
static const struct field_shape fields_check_user_namespace[] = {
    {FIELD_U32, offsetof(struct step_check_user_namespace, pid)},
    {FIELD_U64, offsetof(struct step_check_user_namespace, start_time)},
};
static const struct field_shape fields_prepare_mount[] = {
    {FIELD_STRING, offsetof(struct step_prepare_mount, type)},
    {FIELD_STRING, offsetof(struct step_prepare_mount, source)},
    {FIELD_U32, offsetof(struct step_prepare_mount, attributes)},
    {FIELD_STRING, offsetof(struct step_prepare_mount, data)},
};
static const struct field_shape fields_attach_prepared[] = {
    {FIELD_STRING, offsetof(struct step_attach_prepared, destination)},
};
static const struct field_shape fields_open_namespace[] = {
    {FIELD_U32, offsetof(struct step_open_namespace, slot)},
    {FIELD_U32, offsetof(struct step_open_namespace, pid)},
    {FIELD_U64, offsetof(struct step_open_namespace, start_time)},
    {FIELD_U32, offsetof(struct step_open_namespace, type)},
    {FIELD_U32, offsetof(struct step_open_namespace, ancestor)},
    {FIELD_U64, offsetof(struct step_open_namespace, inode)},
};
static const struct field_shape fields_enter_namespace[] = {
    {FIELD_U32, offsetof(struct step_enter_namespace, slot)},
    {FIELD_U32, offsetof(struct step_enter_namespace, type)},
};
static const struct field_shape fields_open_root[] = {
    {FIELD_U32, offsetof(struct step_open_root, slot)},
    {FIELD_U32, offsetof(struct step_open_root, pid)},
    {FIELD_U64, offsetof(struct step_open_root, start_time)},
};
static const struct field_shape fields_enter_root[] = {
    {FIELD_U32, offsetof(struct step_enter_root, slot)},
};

struct step_shape {
  const char *name; /* NULL: there is no step of this code */
  uint8_t actor;
  uint8_t field_count;
  const struct field_shape *fields;
};

/* Indexed by code. */
static const struct step_shape step_shapes[] = {
    [STEP_MONITOR] = {"monitor", ACTOR_MONITOR, 4, fields_monitor},
    [STEP_MAKE_DIRECTORY] = {"makeDirectory", ACTOR_ANY, 2, fields_make_directory},
    [STEP_MAKE_FILE] = {"makeFile", ACTOR_ANY, 2, fields_make_file},
    [STEP_SYMLINK] = {"symlink", ACTOR_ANY, 2, fields_symlink},
    [STEP_WRITE_FILE] = {"writeFile", ACTOR_ANY, 3, fields_write_file},
    [STEP_MAKE_CGROUP] = {"makeCgroup", ACTOR_MONITOR, 1, fields_make_cgroup},
    [STEP_UNSHARE] = {"unshare", ACTOR_ANY, 1, fields_unshare},
    [STEP_SET_NAMESPACES] = {"setNamespaces", ACTOR_ANY, 3, fields_set_namespaces},
    [STEP_JOIN_NAMESPACE] = {"joinNamespace", ACTOR_ANY, 2, fields_join_namespace},
    [STEP_MAKE_PIPES] = {"makePipes", ACTOR_MONITOR, 1, fields_make_pipes},
    [STEP_CLONE] = {"clone", ACTOR_MONITOR, 2, fields_clone},
    [STEP_MAP_IDS] = {"mapIds", ACTOR_MONITOR, 3, fields_map_ids},
    [STEP_JOIN_CGROUP] = {"joinCgroup", ACTOR_MONITOR, 1, fields_join_cgroup},
    [STEP_SET_PROPAGATION] = {"setPropagation", ACTOR_INIT, 2, fields_set_propagation},
    [STEP_MOUNT] = {"mount", ACTOR_INIT, 5, fields_mount},
    [STEP_BIND] = {"bind", ACTOR_INIT, 6, fields_bind},
    [STEP_MASK_PATH] = {"maskPath", ACTOR_INIT, 1, fields_mask_path},
    [STEP_READONLY_PATH] = {"readonlyPath", ACTOR_INIT, 1, fields_readonly_path},
    [STEP_SET_ROOT] = {"setRoot", ACTOR_ANY, 1, fields_set_root},
    [STEP_PIVOT_ROOT] = {"pivotRoot", ACTOR_INIT, 0, NULL},
    [STEP_CHROOT] = {"chroot", ACTOR_INIT, 0, NULL},
    [STEP_SET_ROOT_ATTRIBUTES] = {"setRootAttributes", ACTOR_INIT, 1, fields_set_root_attributes},
    [STEP_SET_HOSTNAME] = {"setHostname", ACTOR_INIT, 1, fields_set_hostname},
    [STEP_SET_DOMAINNAME] = {"setDomainname", ACTOR_INIT, 1, fields_set_domainname},
    [STEP_BRING_UP] = {"bringUp", ACTOR_INIT, 1, fields_bring_up},
    [STEP_SET_RLIMIT] = {"setRlimit", ACTOR_INIT, 3, fields_set_rlimit},
    [STEP_OPEN_TERMINAL] = {"openTerminal", ACTOR_INIT, 2, fields_open_terminal},
    [STEP_SET_SESSION] = {"setSession", ACTOR_INIT, 0, NULL},
    [STEP_SET_DUMPABLE] = {"setDumpable", ACTOR_ANY, 1, fields_set_dumpable},
    [STEP_LIMIT_BOUNDING_SET] = {"limitBoundingSet", ACTOR_INIT, 1, fields_limit_bounding_set},
    [STEP_SET_IDS] = {"setIds", ACTOR_INIT, 6, fields_set_ids},
    [STEP_SET_CAPABILITIES] = {"setCapabilities", ACTOR_INIT, 4, fields_set_capabilities},
    [STEP_SET_NO_NEW_PRIVILEGES] = {"setNoNewPrivileges", ACTOR_INIT, 0, NULL},
    [STEP_INSTALL_SECCOMP] = {"installSeccomp", ACTOR_INIT, 2, fields_install_seccomp},
    [STEP_CHANGE_DIRECTORY] = {"changeDirectory", ACTOR_INIT, 1, fields_change_directory},
    [STEP_EXECUTE] = {"execute", ACTOR_INIT, 4, fields_execute},
    [STEP_STAY_INIT] = {"stayInit", ACTOR_INIT, 0, NULL},
    [STEP_REMOVE_TREE] = {"removeTree", ACTOR_ANY, 1, fields_remove_tree},
    [STEP_REMOVE_CGROUP] = {"removeCgroup", ACTOR_ANY, 1, fields_remove_cgroup},
    [STEP_LEASE] = {"lease", ACTOR_INIT, 1, fields_lease},
    [STEP_TRIAL] = {"trial", ACTOR_INIT, 1, fields_trial},
    [STEP_SHARE_CGROUPS] = {"shareCgroups", ACTOR_MONITOR, 1, fields_share_cgroups},
    [STEP_COUNT_DENIED] = {"countDenied", ACTOR_MONITOR, 1, fields_count_denied},
    [STEP_MAKE_BRIDGE] = {"makeBridge", ACTOR_ANY, 2, fields_make_bridge},
    [STEP_MAKE_VETH] = {"makeVeth", ACTOR_MONITOR, 4, fields_make_veth},
    [STEP_ADD_ADDRESS] = {"addAddress", ACTOR_ANY, 3, fields_add_address},
    [STEP_ADD_DEFAULT_ROUTE] = {"addDefaultRoute", ACTOR_ANY, 2, fields_add_default_route},
    [STEP_MASQUERADE] = {"masquerade", ACTOR_ANY, 2, fields_masquerade},
    [STEP_SET_LINK] = {"setLink", ACTOR_ANY, 2, fields_set_link},
    [STEP_ADD_NETEM] = {"addNetem", ACTOR_ANY, 5, fields_add_netem},
    [STEP_ADD_TOKEN_BUCKET] = {"addTokenBucket", ACTOR_ANY, 4, fields_add_token_bucket},
    [STEP_REMOVE_QDISC] = {"removeQdisc", ACTOR_ANY, 1, fields_remove_qdisc},
    [STEP_BIND_NAMESPACE] = {"bindNamespace", ACTOR_INIT, 2, fields_bind_namespace},
    [STEP_CLONE_MOUNT] = {"cloneMount", ACTOR_ANY, 4, fields_clone_mount},
    [STEP_CREATE_MOUNT] = {"createMount", ACTOR_ANY, 4, fields_create_mount},
    [STEP_ATTACH_MOUNT] = {"attachMount", ACTOR_ANY, 1, fields_attach_mount},
    [STEP_UNMOUNT] = {"unmount", ACTOR_ANY, 2, fields_unmount},
    [STEP_USE_LEASE] = {"useLease", ACTOR_MONITOR, 1, fields_use_lease},
    [STEP_KILL_LEFT] = {"killLeft", ACTOR_MONITOR, 0, NULL},
    [STEP_HOLD_NAMESPACES] = {"holdNamespaces", ACTOR_MONITOR, 3, fields_hold_namespaces},
    [STEP_CHECK_USER_NAMESPACE] = {"checkUserNamespace", ACTOR_MONITOR, 2, fields_check_user_namespace},
    [STEP_PREPARE_MOUNT] = {"prepareMount", ACTOR_MONITOR, 4, fields_prepare_mount},
    [STEP_ATTACH_PREPARED] = {"attachPrepared", ACTOR_INIT, 1, fields_attach_prepared},
    [STEP_OPEN_NAMESPACE] = {"openNamespace", ACTOR_ANY, 6, fields_open_namespace},
    [STEP_ENTER_NAMESPACE] = {"enterNamespace", ACTOR_ANY, 2, fields_enter_namespace},
    [STEP_OPEN_ROOT] = {"openRoot", ACTOR_INIT, 3, fields_open_root},
    [STEP_ENTER_ROOT] = {"enterRoot", ACTOR_INIT, 1, fields_enter_root},
    [STEP_FORK] = {"fork", ACTOR_INIT, 0, NULL},
};
enum { STEP_CODES = 91 };

#endif

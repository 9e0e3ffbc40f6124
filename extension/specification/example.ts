/**
 * The text of a new specification file: every field with its default or a useful value, and why one would change it.
 * Unchanged it launches a shell on this machine's own root, with nothing of the machine writable from inside.
 */
export function exampleSpecification(name: string): string {
  return `// A container, as Terrarium makes it. Every field may be left out.
// What reaches the machine outside of the container stands in comments.
// Launch it with the button above, or the lens below. Hover over a field to see what it means.
{
  "name": ${JSON.stringify(name)},

  // ---- root: where its files come from -------------------------------------------------------
  // "host": this machine's own /, read-only, below a private writable layer. Nothing to download.
  // Others: { "kind": "image", "name": "debian" }   an image you imported
  //         { "kind": "directory", "path": "/srv/rootfs" }   a folder that holds a root file system
  "root": { "kind": "host" },
  // What becomes of writes: "overlay" keeps them with the container, "tmpfs" in memory until it ends,
  // "none" refuses them.
  "writable": "overlay",

  // ---- process -------------------------------------------------------------------------------
  // The command. Without it the container stays up until it is stopped.
  "args": ["/bin/sh"],
  "terminal": true,
  "cwd": "/",
  "env": ["GREETING=hello", "LANG=C.UTF-8"],
  // name, uid, name:group or uid:gid, as inside the root. "0" is root inside, and you yourself outside.
  "user": "0",
  // A small init as PID 1 that reaps orphans and forwards signals to the command.
  "init": false,
  // "rlimits": what setrlimit(2) knows, for each process by itself.
  "rlimits": [
    { "type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096 },
    { "type": "RLIMIT_CORE", "soft": 0, "hard": 0 }
  ],

  // ---- what it sees --------------------------------------------------------------------------
  "hostname": ${JSON.stringify(name)},
  "mounts": [
    { "destination": "/scratch", "type": "tmpfs", "options": ["size=64m", "mode=1777"] }
    // A folder of this machine; a relative source starts at the folder of this file. You are asked first.
    // , { "destination": "/work", "source": ".", "options": ["rbind", "ro"] }
  ],
  // "none": a network of its own with nothing but lo.
  // Others: { "kind": "host" }, { "kind": "container", "container": "db" },
  //         { "kind": "process", "pid": 4711 }, { "kind": "bridge", "network": "lab" }
  "network": { "kind": "none" },
  // Ports of this machine that lead to it, whatever its network, unless that is this machine's.
  // "ports": [{ "hostPort": 8080, "containerPort": 80 }],
  // Whose namespaces it is in, where they are not new ones: "new", "host" for this machine's,
  // { "container": "db" } for those of one that runs, { "process": 4711 } for those of any process of yours.
  // "namespaces": { "uts": "host", "ipc": { "container": "db" } },
  // A time namespace: how far its clocks since boot are ahead of the machine's.
  // "timeOffsets": { "boottime": { "secs": 86400, "nanosecs": 0 } },

  // ---- limits (cgroup) -----------------------------------------------------------------------
  // Needs a cgroup delegated to you: "Edit Limits" says whether you have one, and changes them live.
  // "resources": {
  //   "memory": { "limit": 104857600 },
  //   "cpu": { "quota": 50000, "period": 100000 },
  //   "pids": { "limit": 100 },
  //   "unified": { "memory.high": "94371840" }
  // },
  // Containers of one group can have limits for all of them together.
  // "group": "lab",

  // ---- privileges ----------------------------------------------------------------------------
  // Changes to the default set of eleven capabilities.
  "capabilities": { "add": [], "drop": ["CAP_NET_BIND_SERVICE"] },
  // The built-in system call filter, "unconfined", or a profile in OCI's words.
  "seccomp": "default",
  "noNewPrivileges": true,
  // Whether programs may make user namespaces inside; without this line: as the filter has it.
  // "nestedNamespaces": false,
  // Kernel settings of its own namespaces, for instance "net.ipv4.ip_unprivileged_port_start": "0".
  "sysctl": {},

  "annotations": { "org.example.purpose": "to look around" }
}
`;
}

/** What needs what: shown with each line of the doctor, so that a person can tell whether to care. */
export const features = {
  kernel: ['everything'],
  userNamespace: ['every container'],
  idRange: ['users other than root inside', 'package managers', 'images with several owners'],
  overlay: ['writable layers on disk', 'containers from images and from this machine’s own /'],
  proc: ['/proc inside', 'ps, top and most shells'],
  network: ['a network of the container’s own', 'isolation from services of this machine'],
  seccomp: ['the filter of system calls'],
  cgroup: ['limits', 'pause', 'killing a container as a whole', 'cheap statistics'],
  memory: ['memory limits', 'telling of OOM kills'],
  pids: ['limits on the number of processes'],
  cpu: ['CPU limits and weights'],
  freezer: ['pause and resume'],
  switches: ['user namespaces, and with them every container'],
  pidfd: ['signals that never reach a recycled pid'],
  mountApi: ['read-only binds without a gap', 'mounts added to running containers'],
  tun: ['a network that reaches the outside (slirp4netns, pasta)'],
} as const;

/** Kernel parameters of which a namespace has values of its own. */
import { readFileSync } from 'node:fs';
import type { oci } from '../protocol/index.js';
import { unlessDenied, unlessGone } from './proc.js';

/** Those that bear on what programs in the namespace see or may do. sysctl/kernel.rst, sysctl/user.rst, ip-sysctl.rst */
const byNamespace = {
  uts: ['kernel.hostname', 'kernel.domainname'],
  ipc: [
    'kernel.msgmax',
    'kernel.msgmnb',
    'kernel.msgmni',
    'kernel.sem',
    'kernel.shm_rmid_forced',
    'kernel.shmall',
    'kernel.shmmax',
    'kernel.shmmni',
    'fs.mqueue.msg_max',
    'fs.mqueue.msgsize_max',
    'fs.mqueue.queues_max',
  ],
  network: [
    'net.core.somaxconn',
    'net.ipv4.ip_forward',
    'net.ipv4.ip_local_port_range',
    'net.ipv4.ip_unprivileged_port_start',
    'net.ipv4.ping_group_range',
    'net.ipv4.tcp_syncookies',
    'net.ipv6.conf.all.disable_ipv6',
    'net.ipv6.conf.all.forwarding',
  ],
  user: [
    'user.max_cgroup_namespaces',
    'user.max_inotify_instances',
    'user.max_inotify_watches',
    'user.max_ipc_namespaces',
    'user.max_mnt_namespaces',
    'user.max_net_namespaces',
    'user.max_pid_namespaces',
    'user.max_time_namespaces',
    'user.max_user_namespaces',
    'user.max_uts_namespaces',
  ],
} as const satisfies Partial<Record<oci.NamespaceType, readonly string[]>>;

export type SysctlNamespace = keyof typeof byNamespace;

/** /proc/sys shows whoever reads it the values of the reader's own namespaces: one has to be in these to read theirs. */
export const sysctlNamespaces = Object.keys(byNamespace) as SysctlNamespace[];

/** Of our own thread's namespaces, those of the given types; without what the kernel has not or does not let us read. */
export function readSysctls(types: readonly SysctlNamespace[], folder = '/proc/sys'): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of types.flatMap((type) => byNamespace[type])) {
    const file = `${folder}/${name.replaceAll('.', '/')}`;
    const value = unlessGone(() => unlessDenied(() => readFileSync(file, 'utf8')));
    if (value !== undefined) found[name] = value.trimEnd().replaceAll('\t', ' ');
  }
  return found;
}

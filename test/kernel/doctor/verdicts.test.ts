import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import type * as protocol from '../../../helper/protocol/index.js';
import { examine } from './support.js';

/**
 * What other programs say of the same: each is a script that succeeds where the line must work. They run as root of a user
 * namespace, and in what the flags make beside it; `$DIR` is an empty folder on the file system of the data folder.
 */
const inside: Partial<Record<protocol.DoctorLineId, { flags: readonly string[]; script: string }>> = {
  'user-namespace': { flags: [], script: 'test "$(id -u)" = 0' },
  'mount-namespace': { flags: ['--mount'], script: 'mount -t tmpfs none "$DIR"' },
  'pid-namespace': { flags: ['--pid', '--fork'], script: 'test $$ = 1' },
  'uts-namespace': { flags: ['--uts'], script: 'hostname probe && test "$(hostname)" = probe' },
  'ipc-namespace': { flags: ['--ipc'], script: 'true' },
  network: { flags: ['--net'], script: 'ip link set lo up' },
  'cgroup-namespace': { flags: ['--cgroup'], script: 'true' },
  'time-namespace': { flags: ['--time', '--boottime', '3600', '--fork'], script: 'true' },
  'nested-namespace': { flags: [], script: 'unshare --user --map-root-user true' },
  tmpfs: { flags: ['--mount'], script: 'mount -t tmpfs -o mode=1777,size=64k none "$DIR"' },
  bind: { flags: ['--mount'], script: 'mount --bind "$DIR" "$DIR" && mount -o remount,bind,ro "$DIR"' },
  proc: { flags: ['--mount', '--pid', '--fork'], script: 'mount -t proc proc "$DIR"' },
  devpts: { flags: ['--mount'], script: 'mount -t devpts -o newinstance devpts "$DIR"' },
  mqueue: { flags: ['--mount', '--ipc'], script: 'mount -t mqueue mqueue "$DIR"' },
  sysfs: { flags: ['--mount', '--net'], script: 'mount -t sysfs sysfs "$DIR"' },
  'cgroup-mount': { flags: ['--mount', '--cgroup'], script: 'mount -t cgroup2 cgroup2 "$DIR"' },
  'pivot-root': {
    flags: ['--mount'],
    script: 'mount -t tmpfs none "$DIR" && mkdir "$DIR/old" && pivot_root "$DIR" "$DIR/old"',
  },
  overlay: {
    flags: ['--mount'],
    script:
      'mkdir "$DIR/l" "$DIR/u" "$DIR/w" "$DIR/m" && mkdir "$DIR/l/x" && ' +
      'mount -t overlay -o "lowerdir=$DIR/l,upperdir=$DIR/u,workdir=$DIR/w,userxattr" o "$DIR/m" && rmdir "$DIR/m/x"',
  },
  veth: { flags: ['--net'], script: 'ip link add one type veth peer name two && ip link set one up' },
  bridge: {
    flags: ['--net'],
    script: 'ip link add bridge type bridge && ip link add one type veth && ip link set one master bridge',
  },
  ipv6: { flags: ['--net'], script: 'ip link set lo up && ip addr add fd00::1/128 dev lo' },
  masquerade: {
    flags: ['--net'],
    script:
      'nft "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c oifname x masquerade"',
  },
  netem: { flags: ['--net'], script: 'ip link add one type veth && tc qdisc add dev one root netem delay 1ms' },
  'low-port': {
    flags: ['--net'],
    script: `exec '${process.execPath}' -e "require('net').createServer().listen(80, () => process.exit(0)).on('error', () => process.exit(1))"`,
  },
  ping: { flags: ['--net'], script: 'echo "0 0" > /proc/sys/net/ipv4/ping_group_range' },
};

/** The same outside of namespaces. */
const outside: Partial<Record<protocol.DoctorLineId, string>> = {
  kernel: `uname -r | awk -F. '{ exit !($1 > 5 || ($1 == 5 && $2 >= 12)) }'`,
  'overlay-layers': `uname -r | awk -F. '{ exit !($1 > 6 || ($1 == 6 && $2 >= 7)) }'`,
  'idmapped-mount': `uname -r | awk -F. '{ exit !($1 > 6 || ($1 == 6 && $2 >= 3)) }'`,
  'seccomp-log': 'grep -qw log /proc/sys/kernel/seccomp/actions_avail',
  'seccomp-notify': 'grep -qw user_notif /proc/sys/kernel/seccomp/actions_avail',
  seccomp: 'grep -q "^Seccomp_filters" /proc/self/status',
  tun: 'exec 3<>/dev/net/tun',
  'id-tools': `command -v newuidmap && command -v newgidmap && grep "^$(id -un):" /etc/subuid && grep "^$(id -un):" /etc/subgid`,
  'id-range': `unshare --user --map-root-user --map-auto awk '{ n += $3 } END { exit !(n > 1) }' /proc/self/uid_map`,
  bootstrap: 'PATH=$PATH:/usr/sbin:/sbin; command -v mmdebstrap || command -v debootstrap',
  ptrace: '! grep -q "[23]" /proc/sys/kernel/yama/ptrace_scope',
};

/** In v1 this user's group of a hierarchy is the one the tests are in, or one below it. */
function ownGroup(controller: string): string {
  return `for g in $(find "/sys/fs/cgroup/${controller}$(sed -n 's/.*:${controller}://p' /proc/self/cgroup)" -maxdepth 3 -type d -writable 2>/dev/null); do
    test -w "$g/cgroup.procs" || continue
    mkdir "$g/probe-$$" || continue`;
}
const tried = (controller: string, file: string, value: string): string =>
  `${ownGroup(controller)}
    if echo "${value}" > "$g/probe-$$/${file}" && test "$(cat "$g/probe-$$/${file}")" = "${value}"; then rmdir "$g/probe-$$"; exit 0; fi
    rmdir "$g/probe-$$"
  done; exit 1`;
const v1: Partial<Record<protocol.DoctorLineId, string>> = {
  'cgroup-memory': tried('memory', 'memory.limit_in_bytes', '1073741824'),
  'cgroup-pids': tried('pids', 'pids.max', '100'),
  'cgroup-cpu': tried('cpu', 'cpu.cfs_quota_us', '50000'),
  'cgroup-freezer': tried('freezer', 'freezer.state', 'FROZEN'),
};

function succeeds(command: readonly string[], environment: NodeJS.ProcessEnv): boolean {
  const [program = '', ...args] = command;
  try {
    execFileSync(program, args, { stdio: 'ignore', env: { ...process.env, ...environment }, timeout: 20_000 });
    return true;
  } catch (error) {
    if (typeof (error as { status?: unknown }).status === 'number') return false;
    throw error;
  }
}

test('each verdict is what other programs of this machine find', async (t) => {
  const { line } = await examine(t);
  const compare = (id: protocol.DoctorLineId, command: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
    t.test(id, () => {
      const { verdict, tried } = line(id);
      assert.equal(verdict === 'works', succeeds(command, environment), `${verdict}: ${tried}`);
    });

  for (const [id, { flags, script }] of Object.entries(inside)) {
    const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-probe-'));
    // An overlay leaves a folder of mode 000 behind, whose owner may still open it up.
    t.after(() => execFileSync('sh', ['-c', `chmod -R u+rwx '${folder}' && rm -r '${folder}'`]));
    const command = ['unshare', '--user', '--map-root-user', ...flags, 'sh', '-c', script];
    await compare(id as protocol.DoctorLineId, command, { DIR: folder });
  }
  const groups = existsSync('/sys/fs/cgroup/cgroup.controllers') ? {} : v1;
  for (const [id, script] of Object.entries({ ...outside, ...groups })) {
    await compare(id as protocol.DoctorLineId, ['bash', '-c', script]);
  }
});

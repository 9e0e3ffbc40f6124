import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { assertAlike, byHand } from '../support/scripted.js';

const bed = new Bed();

/** Specifications that between them have every kind of step of a start. */
const variations: readonly [string, () => protocol.ContainerSpecification][] = [
  ['an image of one’s own', () => ({ root: bed.root })],
  ["the host's root, with a limit on itself and a score", () => ({ root: { kind: 'host' }, oomScoreAdj: 345 })],
  [
    'many choices',
    () => ({
      root: bed.root,
      hostname: 'chosen',
      env: ['COLOR=a "green" $one'],
      cwd: '/home',
      mounts: [
        { source: bed.rootFolder, destination: '/mnt/a b', options: ['ro'] },
        { source: path.join(bed.rootFolder, 'etc/passwd'), destination: '/etc/passwd' },
        { destination: '/cache', type: 'tmpfs', options: ['size=64k', 'noexec'] },
      ],
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: 64, hard: 128 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      ],
      capabilities: { drop: ['CAP_CHOWN'], add: ['CAP_NET_RAW'] },
      timeOffsets: { boottime: { secs: 1000, nanosecs: 0 }, monotonic: { secs: -5, nanosecs: 0 } },
      namespaces: { ipc: 'host' },
      writable: 'tmpfs',
      sysctl: { 'net.ipv4.ip_unprivileged_port_start': '80' },
      nestedNamespaces: false,
    }),
  ],
  [
    'the network of the host, read-only, without no_new_privs',
    () => ({ root: bed.root, network: { kind: 'host' }, writable: 'none', noNewPrivileges: false }),
  ],
  [
    'folders of this machine with mounts below them, one following it',
    () => ({
      root: bed.root,
      mounts: [
        { source: '/dev', destination: '/machine', options: ['rbind', 'ro', 'nosuid'] },
        { source: '/tmp', destination: '/following', options: ['bind', 'rslave'] },
      ],
    }),
  ],
  ['only chroot', () => ({ root: bed.root, chroot: true, cwd: '/tmp', capabilities: { drop: ['CAP_SYS_CHROOT'] } })],
];

for (const [name, specification] of variations) {
  test(`the script, run by hand with bash, makes the same container: ${name}`, async (t) => {
    assertAlike(await byHand(t, bed.helper, bed.home.folder, specification()));
  });
}

test('the script makes the same container for a user who is not root, with a capability asked for', async (t) => {
  const { identity } = await bed.helper.request(protocol.InspectContainer, { container: (await bed.up()).id });
  if (identity.mapping === 'single') return t.skip('this user has no range of ids');
  const reports = await byHand(t, bed.helper, bed.home.folder, {
    root: bed.root,
    user: 'alice',
    cwd: '/home/alice',
    capabilities: { add: ['CAP_NET_BIND_SERVICE'] },
  });
  assertAlike(reports);
  assert.ok(reports.made.status.includes('CapAmb:\t0000000000000400'), reports.made.status.join());
});

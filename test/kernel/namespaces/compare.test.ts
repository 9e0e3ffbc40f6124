import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CompareProcesses,
  type ComparisonTopic,
  type Difference,
  type ProcessComparison,
  type ProcessTarget,
} from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { differingNamespaces, type NamespaceLink } from '../support/kernel.js';
import { inodeOf, unshared } from './shells.js';

const bed = new Bed();

const compare = (a: ProcessTarget, b: ProcessTarget) => bed.helper.request(CompareProcesses, { a, b });

const section = ({ sections }: ProcessComparison, wanted: ComparisonTopic) => {
  const found = sections.find(({ topic }) => topic === wanted);
  assert.ok(found, wanted);
  return found;
};

const difference = (comparison: ProcessComparison, topic: ComparisonTopic, name: string): Difference | undefined =>
  section(comparison, topic).differences.find((one) => one.name === name);

const links: Readonly<Record<string, NamespaceLink>> = { mount: 'mnt', network: 'net' };
const linkOf = (type: string): NamespaceLink => links[type] ?? (type as NamespaceLink);

test('container and host differ in exactly the namespaces whose inodes do', async () => {
  const shared = await bed.up({ namespaces: { uts: 'host' }, network: { kind: 'host' } });
  const comparison = await compare({ container: shared.name }, { pid: process.pid });
  const { differences, same } = section(comparison, 'namespaces');
  const expected = differingNamespaces(shared.pid);
  assert.deepEqual(differences.map(({ name }) => linkOf(name)).sort(), [...expected].sort());
  for (const { name, a, b } of differences) {
    const link = linkOf(name);
    assert.deepEqual([a, b], [String(inodeOf(shared.pid, link)), String(inodeOf('self', link))]);
  }
  assert.ok(same.includes('uts') && same.includes('network'), String(same));
  assert.deepEqual(comparison.a.container, { id: shared.id, name: shared.name });
  assert.deepEqual([comparison.b.identity.pid, comparison.b.container], [process.pid, undefined]);
});

test('what a container was given differs from the host as it was asked for', async () => {
  const { name, pid } = await bed.up({
    hostname: 'compared',
    capabilities: { add: ['CAP_NET_RAW'], drop: ['CAP_CHOWN'] },
    oomScoreAdj: 345,
    timeOffsets: { boottime: { secs: 77, nanosecs: 0 } },
    rlimits: [{ type: 'RLIMIT_NOFILE', soft: 77, hard: 88 }],
    mounts: [{ destination: '/scratch', type: 'tmpfs', source: 'tmpfs', options: ['ro', 'size=1m'] }],
    sysctl: { 'net.ipv4.ip_unprivileged_port_start': '81' },
  });
  const plain = await bed.up();
  const comparison = await compare({ container: name }, { container: plain.name });
  assert.deepEqual(
    section(comparison, 'capabilities').differences.map((one) => [one.name, one.a === null, one.b === null]),
    [
      ['CAP_NET_RAW', false, true],
      ['CAP_CHOWN', true, false],
    ],
  );
  assert.deepEqual(difference(comparison, 'namespaces', 'clock boottime'), {
    name: 'clock boottime',
    a: '77 s',
    b: '0 s',
  });
  assert.deepEqual(difference(comparison, 'rlimits', 'RLIMIT_NOFILE')?.a, '77 (hard 88)');
  assert.equal(difference(comparison, 'confinement', 'oom_score_adj')?.a, '345');
  assert.match(difference(comparison, 'mounts', '/scratch')?.a ?? '', /^tmpfs · .*\bro\b.*size=1024k/);
  assert.equal(difference(comparison, 'mounts', '/scratch')?.b, null);
  assert.equal(difference(comparison, 'sysctl', 'kernel.hostname')?.a, 'compared');
  assert.equal(difference(comparison, 'sysctl', 'net.ipv4.ip_unprivileged_port_start')?.a, '81');
  assert.ok(section(comparison, 'sysctl').same.includes('net.ipv4.ip_forward'));

  const withHost = await compare({ host: true }, { pid });
  assert.equal(withHost.a.host, true);
  assert.equal(difference(withHost, 'ids', 'uid_map')?.b?.startsWith('0 '), true);
  assert.equal(difference(withHost, 'confinement', 'seccomp')?.b?.startsWith('filter'), true);
});

test('a process compared with itself is alike in everything', async (t) => {
  const { pid } = await unshared(t, ['--user', '--map-root-user', '--net', '--uts', '--pid', '--fork', '--kill-child']);
  const { sections } = await compare({ pid }, { pid });
  for (const { topic, differences, same, unknown } of sections) {
    assert.deepEqual([topic, differences, unknown], [topic, [], undefined]);
    assert.ok(same.length > 0 || topic === 'capabilities' || topic === 'limits', topic);
  }
});

test('what may not be read of one is said to be unknown, not alike', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root may look at every process');
  const comparison = await compare({ pid: 1 }, { pid: process.pid });
  assert.match(section(comparison, 'namespaces').unknown ?? '', /^Of process 1: EACCES/);
  assert.deepEqual(section(comparison, 'namespaces').same, []);
  assert.ok(section(comparison, 'capabilities').differences.length > 0);
});

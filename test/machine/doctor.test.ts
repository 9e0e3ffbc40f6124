import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as protocol from '../../helper/protocol/index.js';
import { startHelper } from '../kernel/cgroup/helperProcess.js';
import { linesOf } from '../kernel/doctor/support.js';

/** Groups of the doctor's that are anywhere in the tree. */
const leftGroups = () =>
  execFileSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', 'terrarium-doctor-*']).toString().trim();

test('with systemd and cgroup v2 every controller is written, and processes are born in groups', async (t) => {
  const helper = await startHelper(t);
  const report = await helper.sendRequest(protocol.RunDoctor);
  const line = linesOf(report);
  for (const found of report.lines)
    if (found.essential) assert.equal(found.verdict, 'works', `${found.id}: ${found.tried}`);
  const working = [
    ...['cgroup', 'cgroup-memory', 'cgroup-pids', 'cgroup-cpu', 'cgroup-cpuset', 'cgroup-io', 'cgroup-freezer'],
    ...['cgroup-kill', 'cgroup-clone', 'cgroup-mount', 'cgroup-namespace', 'pressure', 'systemd', 'linger', 'overlay'],
    ...['veth', 'bridge', 'netem', 'masquerade', 'tun', 'pasta', 'slirp4netns'],
  ] as const;
  for (const id of working)
    assert.equal(
      line(id as protocol.DoctorLineId).verdict,
      'works',
      `${id}: ${line(id as protocol.DoctorLineId).tried}`,
    );

  // Of a disk it is root's of the machine to shift owners, on any kernel so far.
  assert.match(line('idmapped-mount').tried, /^Made a tmpfs .* Of \/.*: mount_setattr answers EPERM;/);

  // The same read elsewhere: what this kernel has, and what this user's systemd was given.
  const kernel = readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').split(/\s+/);
  assert.equal(line('cgroup-hugetlb').verdict === 'works', kernel.includes('hugetlb'), line('cgroup-hugetlb').tried);
  const manager = execFileSync('systemctl', ['--user', 'show', '--property=ControlGroup', '--value']).toString().trim();
  const given = readFileSync(`/sys/fs/cgroup${manager}/cgroup.controllers`, 'utf8').trim().split(' ');
  for (const controller of given) assert.ok(line('systemd').tried.includes(controller), line('systemd').tried);
  assert.equal(existsSync('/var/lib/systemd/linger/tester'), true);

  assert.equal(leftGroups(), '');
  const units = execFileSync('systemctl', ['--user', 'list-units', '--all', '--plain', '--no-legend', 'run-*.service']);
  assert.equal(units.toString().trim(), '');
});

test('groups that are mounted read-only are missing, and what needs none works', async (t) => {
  const readOnly = 'mount --bind /sys/fs/cgroup /sys/fs/cgroup && mount -o remount,bind,ro /sys/fs/cgroup';
  const helper = await startHelper(t, {
    wrap: (command) => [
      'unshare',
      '--user',
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      `${readOnly} && exec "$@"`,
      'sh',
      ...command,
    ],
  });
  const line = linesOf(await helper.sendRequest(protocol.RunDoctor));
  assert.equal(line('cgroup').verdict, 'missing');
  for (const id of ['cgroup-memory', 'cgroup-io', 'cgroup-kill', 'cgroup-clone'] as const) {
    assert.equal(line(id).verdict, 'missing', id);
    assert.match(line(id).tried, /Not tried/, id);
  }
  assert.equal(line('pressure').verdict, 'partial');
  assert.equal(line('pivot-root').verdict, 'works');
});

test('without a systemd of one’s own the line says how to get one', async (t) => {
  const helper = await startHelper(t, {
    environment: (folder) => ({ XDG_RUNTIME_DIR: folder }),
  });
  const line = linesOf(await helper.sendRequest(protocol.RunDoctor));
  assert.deepEqual([line('systemd').verdict, line('systemd').errno], ['missing', 'ENOENT']);
  assert.match(line('systemd').command ?? '', /enable-linger/);
  assert.equal(line('cgroup').verdict, 'missing');
  assert.match(line('cgroup').command ?? '', /^sudo loginctl enable-linger tester$/);
});

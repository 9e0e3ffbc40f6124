import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilityReport } from '../../../helper/inspect/capabilities.js';
import { explainIdMap, formatIdMap, parseIdMap, toContainerId, toHostId } from '../../../helper/inspect/idmap.js';
import { parseMountinfo } from '../../../helper/inspect/mountinfo.js';
import { compareNamespaces } from '../../../helper/inspect/namespaces.js';
import { parseSignal, signalName, signalNames } from '../../../helper/inspect/signal.js';
import { parseStat } from '../../../helper/inspect/stat.js';
import { parseStatus } from '../../../helper/inspect/status.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

const afterCommand = 'S 7 42 42 34816 42 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654321 2482176 200 18446744073709551615';

test('stat: whatever the command is called', () => {
  for (const command of ['sh', 'a b', '(x)', ') R 1 1 (', 'line\nfeed', '', ')', ' ']) {
    assert.deepEqual(parseStat(`42 (${command}) ${afterCommand}\n`), {
      pid: 42,
      command,
      state: 'S',
      parentPid: 7,
      threads: 1,
      cpuTicks: 0,
      startTime: 987654321,
    });
  }
});

test('stat: anything else is refused', () => {
  for (const text of ['', '42', '42 (sh)', '42 (sh) S 7', 'x (sh) S', `42 )sh( ${afterCommand}`]) {
    assert.throws(() => parseStat(text), { code: ErrorCode.Internal }, text);
  }
});

const status = `Name:\tevil\\nUid:\t0\t0\t0\t0
Umask:\t0022
State:\tZ (zombie)
Tgid:\t4242
Ngid:\t0
Pid:\t4242
PPid:\t4200
TracerPid:\t0
Uid:\t100004\t100005\t100006\t100007
Gid:\t100008\t100009\t100010\t100011
FDSize:\t64
Groups:\t100012 100013 
NStgid:\t4242\t17\t3
NSpid:\t4242\t17\t3
VmRSS:\t    1504 kB
CapInh:\t0000000000000000
CapPrm:\t00000000800405fb
CapEff:\t00000000800405fb
CapBnd:\t000001ffffffffff
CapAmb:\t0000000000000400
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
`;

test('status: owners, pids in every namespace, capabilities', () => {
  const parsed = parseStatus(status);
  assert.deepEqual(parsed.uids, [100004, 100005, 100006, 100007]);
  assert.deepEqual(parsed.gids, [100008, 100009, 100010, 100011]);
  assert.deepEqual(parsed.groups, [100012, 100013]);
  assert.deepEqual(parsed.pids, [4242, 17, 3]);
  assert.equal(parsed.parentPid, 4200);
  assert.equal(parsed.state, 'Z');
  assert.equal(parsed.rssBytes, 1504 * 1024);
  assert.equal(parsed.seccomp, 2);
  assert.equal(parsed.noNewPrivileges, true);
  const report = capabilityReport(parsed, 'terrarium (enforce)');
  assert.equal(report.sets.bounding.length, 41);
  assert.equal(report.sets.effective.length, 11);
  assert.deepEqual(report.sets.ambient, ['CAP_NET_BIND_SERVICE']);
  assert.deepEqual(report.sets.inheritable, []);
  assert.equal(report.securityLabel, 'terrarium (enforce)');
});

test('status: no memory for zombies, no groups, no seccomp in the kernel', () => {
  const bare = status.replace(/^(VmRSS|Seccomp):.*\n/gm, '').replace(/^Groups:.*$/m, 'Groups:\t ');
  const parsed = parseStatus(bare);
  assert.deepEqual([parsed.rssBytes, parsed.seccomp, parsed.groups], [0, 0, []]);
  assert.equal('securityLabel' in capabilityReport(parsed), false);
});

test('status: a missing field is an error that names it', () => {
  assert.throws(() => parseStatus(status.replace('NSpid', 'NSpit')), { code: ErrorCode.Internal, message: /NSpid/ });
  assert.throws(() => parseStatus(status.replace(/Uid:.*$/m, 'x').replace(/^Uid:.*$/m, 'Uid:\t1\t2')), /ids/);
});

test('mountinfo: escapes, optional fields, empty fields', () => {
  const text = `36 35 98:0 /a\\040root /mnt/with\\040space\\011tab\\012line\\134back rw,noatime - ext4 /dev/sd\\043a rw,errors=continue
37 36 0:22 / /shared rw shared:5 - tmpfs tmpfs rw
38 36 0:23 / /both rw,relatime shared:6 master:5 propagate_from:2 - overlay  rw,lowerdir=/a\\040b:/c,upperdir=/d
39 36 0:24 / /- rw unbindable - fuse.sshfs - rw
`;
  const mounts = parseMountinfo(text);
  assert.deepEqual(mounts[0], {
    id: 36,
    parent: 35,
    device: '98:0',
    root: '/a root',
    destination: '/mnt/with space\ttab\nline\\back',
    type: 'ext4',
    source: '/dev/sd#a',
    options: ['rw', 'noatime'],
    superOptions: ['rw', 'errors=continue'],
    propagation: 'private',
  });
  assert.equal(mounts[1]?.propagation, 'shared:5');
  assert.equal(mounts[2]?.propagation, 'shared:6 master:5 propagate_from:2');
  assert.deepEqual([mounts[2]?.source, mounts[2]?.superOptions[1]], ['', 'lowerdir=/a b:/c']);
  assert.deepEqual([mounts[3]?.destination, mounts[3]?.propagation, mounts[3]?.source], ['/-', 'unbindable', '-']);
  assert.deepEqual(parseMountinfo(''), []);
  assert.throws(() => parseMountinfo('36 35 98:0 / /x rw\n'), { code: ErrorCode.Internal });
});

test('id maps translate both ways, up to their ends', () => {
  const map = parseIdMap('         0       1500          1\n         1     100000      65536\n');
  assert.equal(formatIdMap(map), '0 1500 1, 1 100000 65536');
  for (const [inside, outside] of [
    [0, 1500],
    [1, 100000],
    [65536, 165535],
  ] as const) {
    assert.equal(toHostId(map, inside), outside);
    assert.equal(toContainerId(map, outside), inside);
  }
  for (const outside of [0, 1499, 1501, 99999, 165536]) {
    assert.equal(toContainerId(map, outside), undefined);
  }
  assert.equal(toHostId(map, 65537), undefined);
  const whole = parseIdMap('0 0 4294967295\n');
  assert.equal(toHostId(whole, 4294967294), 4294967294);
  for (const text of ['1 2', '1 2 3 4', 'a b c']) {
    assert.throws(() => parseIdMap(text), { code: ErrorCode.Internal }, text);
  }
});

test('id maps in words', () => {
  assert.equal(
    explainIdMap(parseIdMap('0 1500 1\n1 100000 65536'), 'uid', 1500),
    'Root (uid 0) inside is you (uid 1500); uids 1 to 65536 inside are 100000 to 165535 outside; ' +
      'any other user appears as nobody (65534).',
  );
  assert.match(explainIdMap([], 'gid', 1500), /^No group is mapped/);
});

test('namespaces: own or the host’s, and who is in them too', () => {
  const infos = compareNamespaces({ network: 2, pid: 3, uts: 4 }, { network: 1, pid: 3 }, [
    { name: 'web', inodes: { network: 2, pid: 9 } },
    { name: 'db', inodes: { network: 2, uts: 4 } },
  ]);
  assert.deepEqual(infos, [
    { type: 'uts', inode: 4, relation: 'own', sharedWith: ['db'] },
    { type: 'network', inode: 2, relation: 'own', sharedWith: ['web', 'db'] },
    { type: 'pid', inode: 3, relation: 'host', sharedWith: [] },
  ]);
});

test('signals by name and number', () => {
  for (const text of ['SIGTERM', 'TERM', 'term', 'sigterm', '15']) {
    assert.equal(parseSignal(text), 15, text);
  }
  assert.equal(parseSignal('64'), 64);
  for (const text of ['', '0', '65', '-9', '9x', '015x', 'SIG', 'constructor', 'toString', '1e1', ' 9']) {
    assert.throws(() => parseSignal(text), { code: ErrorCode.Invalid }, text);
  }
  assert.equal(signalName(9), 'SIGKILL');
  assert.equal(signalName(6), 'SIGABRT');
  assert.equal(signalName(40), 'signal 40');
  assert.equal(signalNames[0], 'SIGHUP');
});

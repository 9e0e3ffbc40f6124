import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNamespaceLink } from '../../../helper/inspect/namespaces.js';
import { namespaceMounts } from '../../../helper/namespaces/mounts.js';
import { heldByProcesses, makeReport, type NamespaceFacts } from '../../../helper/namespaces/report.js';
import type { ScannedProcess } from '../../../helper/namespaces/scan.js';

const process = (pid: number, more: Partial<ScannedProcess> = {}): ScannedProcess => ({
  ...{ identity: { pid, startTime: pid }, parentPid: 1, innerPid: pid, uid: 1000, name: 'sh', command: 'sh' },
  ...{ namespaces: { network: 3, user: 1 }, forChildren: {}, descriptors: [], ...more },
});

const facts = (more: Partial<NamespaceFacts>): NamespaceFacts => ({
  ...{ scan: { processes: [], refused: [] }, host: { network: 3, user: 1 }, held: [], related: [], containers: [] },
  ...{ userName: (uid: number) => `user${uid}`, device: '0:4', hidepid: undefined, ...more },
});

test('links of all types are read, and nothing else', () => {
  assert.deepEqual(parseNamespaceLink('mnt:[4026531841]'), { type: 'mount', inode: 4026531841 });
  assert.deepEqual(parseNamespaceLink('time:[7]'), { type: 'time', inode: 7 });
  for (const text of [
    '',
    'net:',
    'net:[]',
    'net:[x]',
    'net:[1] ',
    '/run/net:[1]',
    'socket:[1]',
    'new_kind:[1]',
    'net:[1]\n',
  ]) {
    assert.equal(parseNamespaceLink(text), undefined, JSON.stringify(text));
  }
});

test('mounts of nsfs are found in a mount table, with their paths as they are', () => {
  const table = [
    '21 20 0:19 / /proc rw,relatime - proc proc rw',
    '95 28 0:4 net:[4026532211] /run/netns/a\\040b rw shared:5 - nsfs nsfs rw',
    '96 28 0:4 mnt:[4026532300] /run/x rw - nsfs nsfs rw',
    // Somebody's folder has that in its name.
    '97 28 8:1 /a /srv/\\040-\\040nsfs\\040 rw - ext4 /dev/sda1 rw',
    '98 28 0:4 new_kind:[5] /run/y rw - nsfs nsfs rw',
    '',
  ].join('\n');
  assert.deepEqual(namespaceMounts(table), [
    { type: 'network', inode: 4026532211, path: '/run/netns/a b' },
    { type: 'mount', inode: 4026532300, path: '/run/x' },
  ]);
});

test('processes are counted, and the lowest pid is the first', () => {
  const scan = {
    processes: [process(30), process(9, { namespaces: { network: 5, user: 1 } }), process(7)],
    refused: [0, 0, 33],
  };
  const report = makeReport(facts({ scan }));
  assert.deepEqual(
    report.namespaces.map(({ type, inode, processes, firstPid, host }) => [type, inode, processes, firstPid, host]),
    [
      ['network', 3, 2, 7, true],
      ['network', 5, 1, 9, false],
      ['user', 1, 3, 7, true],
    ],
  );
  assert.deepEqual(
    report.processes.map(({ identity }) => identity.pid),
    [7, 9, 30],
  );
  assert.deepEqual(report.refused.processes, [
    { user: 'user0', count: 2 },
    { user: 'user33', count: 1 },
  ]);
});

test('what is held, and what hangs on it, is there without a process', () => {
  const holder = { kind: 'mount', path: '/run/netns/x' } as const;
  const related = [
    { type: 'network' as const, inode: 40, owner: 20 },
    { type: 'user' as const, inode: 20, owner: 1, parent: 1, ownerUid: 1000 },
    { type: 'user' as const, inode: 1, ownerUid: 0 },
    { type: 'user' as const, inode: 1, ownerUid: 0 },
  ];
  const { namespaces } = makeReport(facts({ held: [{ type: 'network', inode: 40, holder }], related }));
  assert.deepEqual(
    namespaces.map(({ type, inode, processes, holders }) => ({ type, inode, processes, holders })),
    [
      { type: 'network', inode: 40, processes: 0, holders: [holder] },
      { type: 'user', inode: 1, processes: 0, holders: [{ kind: 'descendant', type: 'user', inode: 20 }] },
      { type: 'user', inode: 20, processes: 0, holders: [{ kind: 'descendant', type: 'network', inode: 40 }] },
    ],
  );
  assert.deepEqual(namespaces[2]?.creator, { uid: 1000, user: 'user1000' });
});

test('processes whose descriptors may not be read are counted, and holders of one kind are not listed for ever', () => {
  const fds = Array.from({ length: 20 }, (_, fd) => ({ fd, type: 'uts' as const, inode: 8 }));
  const processes = [
    process(7, { descriptors: undefined }),
    process(8, { descriptors: fds, forChildren: { pid: 77 } }),
  ];
  const held = heldByProcesses(processes);
  const report = makeReport(facts({ scan: { processes, refused: [] }, held }));
  assert.equal(report.refused.descriptors, 1);
  assert.equal(report.namespaces.find(({ inode }) => inode === 8)?.holders.length, 4);
  assert.deepEqual(report.namespaces.find(({ inode }) => inode === 77)?.holders, [{ kind: 'children', pid: 8 }]);
});

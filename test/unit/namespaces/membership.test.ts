import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containersByPid, type Member, runtimesByPid } from '../../../helper/namespaces/membership.js';
import type { NamespaceInodes } from '../../../helper/protocol/index.js';

const host = { mount: 1, pid: 2, network: 3 };

function member(pid: number, parentPid: number, namespaces: NamespaceInodes = host, name = 'sh'): Member {
  return { identity: { pid }, parentPid, namespaces, name };
}

const names = (members: Member[], containers: { id: string; name: string; initPid: number }[]) =>
  Object.fromEntries([...containersByPid(members, containers, host)].map(([pid, { name }]) => [pid, name]));

const one = { id: 'a', name: 'one', initPid: 100 };
const two = { id: 'b', name: 'two', initPid: 200 };

test('a container has what is in its mount or pid namespace, and all that descends from that', () => {
  const own = { mount: 11, pid: 12, network: 13 };
  const members = [
    member(1, 0),
    member(50, 1, host, 'terrarium-stage'),
    member(100, 50, own),
    // Entered: its parent is outside.
    member(101, 50, own),
    // A sandbox inside, with namespaces of its own throughout.
    member(102, 101, { mount: 21, pid: 22, network: 23 }),
    // Only the pid namespace, as after unshare --mount.
    member(103, 50, { ...own, mount: 31 }),
  ];
  assert.deepEqual(names(members, [one]), { 100: 'one', 101: 'one', 102: 'one', 103: 'one' });
});

test('a shared pid namespace tells nothing, nor does one of the host', () => {
  const pid = 12;
  const members = [
    member(100, 1, { mount: 11, pid }),
    member(200, 1, { mount: 21, pid }),
    member(300, 1, { mount: 31, pid }),
    member(400, 1, { mount: 1, pid: 2 }),
  ];
  assert.deepEqual(names(members, [one, two]), { 100: 'one', 200: 'two' });
  const sharing = { id: 'c', name: 'three', initPid: 500 };
  assert.deepEqual(names([member(500, 1, { mount: 51, pid: 2 }), member(1, 0)], [sharing]), { 500: 'three' });
});

test('parents that go round in a circle end the search', () => {
  assert.deepEqual(names([member(7, 8), member(8, 7)], [one]), {});
});

test('a container whose init is not there has no processes', () => {
  assert.deepEqual(names([member(7, 1, { mount: 11 })], [one]), {});
});

test('the nearest program that makes sandboxes is named, only for who is in one', () => {
  const inside = { ...host, mount: 9 };
  const members = [
    member(10, 1, host, 'conmon'),
    member(11, 10, inside, 'nginx'),
    member(12, 11, { ...inside, pid: 8 }, 'bwrap'),
    member(13, 12, { ...inside, pid: 8 }, 'firefox'),
    member(14, 10, host, 'logger'),
    member(15, 1, inside, 'containerd-shim'),
    member(16, 1, inside, 'nobody-knows'),
    member(17, 1, inside, 'systemd-nspaw'),
  ];
  assert.deepEqual(Object.fromEntries(runtimesByPid(members, host)), {
    11: 'conmon',
    12: 'bwrap',
    13: 'bwrap',
    15: 'containerd',
    17: 'systemd-nspawn',
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseOfTarget, capabilitiesAsked, ownMaps } from '../../../helper/entering/process.js';
import type { Target } from '../../../helper/entering/target.js';
import { ErrorCode as codes, type ErrorCode, type TerrariumError } from '../../../helper/protocol/index.js';

const base = {
  bounding: ['CAP_CHOWN', 'CAP_KILL'],
  effective: ['CAP_CHOWN'],
  permitted: ['CAP_CHOWN'],
  inheritable: [],
  ambient: [],
};

test('capabilities are those there, unless a user or others are asked for', () => {
  assert.equal(capabilitiesAsked(base, {}, 0), base);
  assert.deepEqual(capabilitiesAsked(base, { user: 'root' }, 0).effective, base.bounding);
  assert.deepEqual(capabilitiesAsked(base, { user: '5' }, 5).permitted, []);
  const root = capabilitiesAsked(base, { capabilities: ['net_raw'] }, 0);
  assert.deepEqual([root.bounding, root.effective, root.ambient], [['CAP_NET_RAW'], ['CAP_NET_RAW'], []]);
  const other = capabilitiesAsked(base, { capabilities: ['CAP_NET_RAW'] }, 5);
  assert.deepEqual([other.inheritable, other.ambient], [['CAP_NET_RAW'], ['CAP_NET_RAW']]);
  assert.deepEqual(capabilitiesAsked(base, { capabilities: [] }, 0).bounding, []);
  assert.ok(capabilitiesAsked(base, { capabilities: ['ALL'] }, 0).bounding.length >= 41);
  const code: ErrorCode = codes.Invalid;
  assert.throws(
    () => capabilitiesAsked(base, { capabilities: ['CAP_NONE'] }, 0),
    (error: TerrariumError) => error.code === code,
  );
});

const target = (uid: number): Target => ({
  identity: { pid: 42, startTime: 99 },
  status: {
    parentPid: 1,
    state: 'S',
    uids: [uid, uid, uid, uid],
    gids: [1000, 1000, 1000, 1000],
    groups: [100_005, 27],
    pids: [42, 1],
    rssBytes: 0,
    capabilities: { inheritable: 0n, permitted: 0n, effective: 0n, bounding: 0b100001n, ambient: 0n },
    noNewPrivileges: true,
    seccomp: 2,
    umask: '0027',
  },
  namespaces: {},
  uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
  gidMappings: [
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 1, hostID: 100_000, size: 10 },
  ],
  users: [],
  owners: {},
  securityLabel: undefined,
});

test('a process has the ids of the one that it enters, as they are inside, and what root there may have', () => {
  const { user, capabilities, noNewPrivileges, env } = baseOfTarget(target(1000), target(1000));
  assert.deepEqual(user, { uid: 0, gid: 0, additionalGids: [6], umask: 0o27 });
  assert.deepEqual(capabilities.effective, ['CAP_CHOWN', 'CAP_KILL']);
  assert.equal(noNewPrivileges, true);
  assert.deepEqual(
    env.map((variable) => variable.split('=')[0]),
    ['PATH'],
  );
  assert.equal(baseOfTarget(target(1001), target(1001)).user, undefined, 'not mapped');
  assert.deepEqual(baseOfTarget(target(1001), target(1001)).capabilities.effective, []);
});

test('where no user namespace is entered, ids and capabilities are those that can be had outside', () => {
  const { user, capabilities } = baseOfTarget(target(1000), ownMaps, 1n);
  assert.deepEqual([user?.uid, user?.gid], [1000, 1000]);
  assert.deepEqual(capabilities.bounding, ['CAP_CHOWN']);
});

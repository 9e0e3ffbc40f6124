import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CgroupAccess, detectCgroupAccess } from '../../../helper/cgroup/access.js';
import { prepareDelegation } from '../../../helper/cgroup/delegation.js';
import { findHierarchies } from '../../../helper/cgroup/hierarchies.js';
import { makeTree } from './tree.js';

const pid = 77;
const unit = '/user.slice/user-1000.slice/user@1000.service/app.slice/terrarium-1.service';
const v2Mount = '41 31 0:38 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n';
const hybridMounts = [
  '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
  '39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids',
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
  '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
  '',
].join('\n');

/** Detection on a machine whose files are `files`, where the user may write below `writable`. */
async function detect(
  t: TestContext,
  options: {
    groups: string;
    mounts: string;
    files?: Record<string, string>;
    writable?: string[];
    userManager?: boolean;
    refusal?: string;
  },
): Promise<{ access: CgroupAccess; root: string }> {
  const root = makeTree(t, {
    [`proc/${pid}/cgroup`]: options.groups,
    [`proc/${pid}/mountinfo`]: options.mounts,
    ...options.files,
  });
  const access = await detectCgroupAccess(pid, {
    root,
    uid: process.getuid?.() ?? 0,
    user: 'ann',
    userManager: options.userManager ?? true,
    refusal: options.refusal,
    canWrite: async (file) => (options.writable ?? []).some((folder) => file.startsWith(path.join(root, folder))),
  });
  return { access, root };
}

/** What a delegated unit looks like. */
const unitFiles = (controllers: string): Record<string, string> => ({
  [`sys/fs/cgroup${unit}/cgroup.controllers`]: `${controllers}\n`,
  [`sys/fs/cgroup${unit}/cgroup.procs`]: '',
  [`sys/fs/cgroup${unit}/cgroup.subtree_control`]: '',
});

for (const group of [unit, `${unit}/zygote`]) {
  test(`v2: the unit is found from ${path.basename(group)}`, async (t) => {
    const { access, root } = await detect(t, {
      groups: `0::${group}\n`,
      mounts: v2Mount,
      files: unitFiles('cpu memory pids'),
      writable: [`sys/fs/cgroup${unit}`],
    });
    assert.ok(access.mode === 'v2');
    assert.equal(access.parent, path.join(root, 'sys/fs/cgroup', unit));
    assert.deepEqual(access.controllers, ['cpu', 'memory', 'pids']);
    assert.equal(access.notice, undefined);
  });
}

test('v2: a controller that is not delegated is named, with its remedy', async (t) => {
  const { access } = await detect(t, {
    groups: `0::${unit}\n`,
    mounts: v2Mount,
    files: unitFiles('memory pids'),
    writable: [`sys/fs/cgroup${unit}`],
  });
  assert.equal(access.mode, 'v2');
  assert.match(access.mode === 'v2' ? (access.notice?.reason ?? '') : '', /\bcpu\b/);
  assert.match(access.mode === 'v2' ? (access.notice?.remedy ?? '') : '', /Delegate=cpu cpuset io memory pids/);
});

test('v2: the remedy for no delegation depends on systemd', async (t) => {
  const scope = '0::/user.slice/user-1000.slice/session-1.scope\n';
  const { access } = await detect(t, { groups: scope, mounts: v2Mount, files: { 'run/systemd/system/': '' } });
  assert.equal(access.mode, 'none');
  assert.match(access.mode === 'none' ? access.remedy : '', /delegate\.conf/);
  const { access: bare } = await detect(t, { groups: scope, mounts: v2Mount });
  assert.doesNotMatch(bare.mode === 'none' ? bare.remedy : '', /systemctl/);
});

test('v2: why systemd gave nothing, when that is known, and what to do without a systemd of one’s own', async (t) => {
  const groups = '0::/user.slice/user-1000.slice/session-1.scope\n';
  const files = { 'run/systemd/system/': '' };
  const { access: refused } = await detect(t, { groups, mounts: v2Mount, files, refusal: 'Failed to connect to bus' });
  assert.match(refused.mode === 'none' ? refused.reason : '', /Failed to connect to bus/);
  const { access: alone } = await detect(t, { groups, mounts: v2Mount, files, userManager: false });
  assert.match(alone.mode === 'none' ? alone.remedy : '', /loginctl enable-linger ann/);
});

test('v2: a mount that is read-only is no place, whoever owns it, and the remedy says so', async (t) => {
  const { access } = await detect(t, {
    groups: `0::${unit}\n`,
    mounts: v2Mount.replace('rw,relatime', 'ro,relatime'),
    files: unitFiles('cpu memory pids'),
    writable: ['sys/fs/cgroup'],
  });
  assert.equal(access.mode, 'none');
  assert.match(access.mode === 'none' ? access.reason : '', /read-only at \/sys\/fs\/cgroup/);
  assert.match(access.mode === 'none' ? access.remedy : '', /remount,rw \/sys\/fs\/cgroup/);
});

test('v2: controllers that are wanted less are told of by themselves, with what gives them', async (t) => {
  const { access } = await detect(t, {
    groups: `0::${unit}\n`,
    mounts: v2Mount,
    files: {
      ...unitFiles('cpu memory pids'),
      'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids misc\n',
    },
    writable: [`sys/fs/cgroup${unit}`],
  });
  assert.ok(access.mode === 'v2');
  assert.equal(access.notice, undefined);
  assert.deepEqual(Object.keys(access.absent ?? {}).sort(), ['cpuset', 'hugetlb', 'io', 'misc', 'rdma']);
  assert.match(access.absent?.io?.remedy ?? '', /Delegate=cpu cpuset io memory pids/);
  // systemd does not know it: it is handed down by hand, from the top to the group above ours.
  assert.match(
    access.absent?.hugetlb?.remedy ?? '',
    /for d in \/sys\/fs\/cgroup \/sys\/fs\/cgroup\/user\.slice .*\/app\.slice; do echo '\+hugetlb'/,
  );
  assert.match(access.absent?.rdma?.reason ?? '', /no controller rdma/);
});

test("v2: systemd's slices are not written into though they belong to the user", async (t) => {
  const { access } = await detect(t, {
    groups: '0::/user.slice/user-1000.slice/user@1000.service/app.slice\n',
    mounts: v2Mount,
    writable: ['sys/fs/cgroup'],
  });
  assert.equal(access.mode, 'none');
});

test('hybrid: v1 is chosen when v2 has only hugetlb', async (t) => {
  const { access, root } = await detect(t, {
    groups: '8:pids:/ann\n4:memory:/ann\n1:cpu,cpuacct:/ann\n0::/\n',
    mounts: hybridMounts,
    files: {
      'sys/fs/cgroup/unified/cgroup.controllers': 'hugetlb\n',
      'sys/fs/cgroup/memory/ann/cgroup.procs': '',
    },
    writable: ['sys/fs/cgroup'],
  });
  assert.equal(access.mode, 'v1');
  if (access.mode !== 'v1') return;
  assert.equal(access.parents.memory, path.join(root, 'sys/fs/cgroup/memory/ann'));
  assert.equal(access.parents.cpuacct, path.join(root, 'sys/fs/cgroup/cpu,cpuacct/ann'));
  assert.match(access.notice?.reason ?? '', /freezer/);
});

test("v1: an administrator's group below the caller's is found, another user's is not", async (t) => {
  const { access, root } = await detect(t, {
    groups: '4:memory:/\n',
    mounts: hybridMounts,
    files: {
      'sys/fs/cgroup/memory/aa-foreign/cgroup.procs': '',
      'sys/fs/cgroup/memory/zz/terrarium-ann/cgroup.procs': '',
    },
    writable: ['sys/fs/cgroup/memory/zz/terrarium-ann'],
  });
  assert.equal(access.mode, 'v1');
  assert.equal(
    access.mode === 'v1' ? access.parents.memory : '',
    path.join(root, 'sys/fs/cgroup/memory/zz/terrarium-ann'),
  );
});

test('v1: without a group the commands to copy name the hierarchies and the user', async (t) => {
  const { access } = await detect(t, { groups: '4:memory:/\n8:pids:/\n', mounts: hybridMounts });
  assert.equal(access.mode, 'none');
  const remedy = access.mode === 'none' ? access.remedy : '';
  assert.match(remedy, /for g in \/sys\/fs\/cgroup\/memory\/terrarium-ann \/sys\/fs\/cgroup\/pids\/terrarium-ann; do/);
  assert.match(remedy, /chown ann "\$g" "\$g\/cgroup\.procs"/);
});

test('v1: a group of cpuset without CPUs cannot be joined, so it is none', async (t) => {
  const mounts = `${hybridMounts}40 31 0:37 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n`;
  const groups = '9:cpuset:/ann\n4:memory:/ann\n';
  const files = {
    'sys/fs/cgroup/memory/ann/cgroup.procs': '',
    'sys/fs/cgroup/cpuset/ann/cgroup.procs': '',
    'sys/fs/cgroup/cpuset/ann/cpuset.cpus': '\n',
    'sys/fs/cgroup/cpuset/ann/cpuset.mems': '0\n',
  };
  const { access: empty } = await detect(t, { groups, mounts, files, writable: ['sys/fs/cgroup'] });
  assert.ok(empty.mode === 'v1' && empty.parents.cpuset === undefined);
  assert.match(empty.absent?.cpuset?.remedy ?? '', /cpuset\.cpus/);
  const { access: filled } = await detect(t, {
    groups,
    mounts,
    files: { ...files, 'sys/fs/cgroup/cpuset/ann/cpuset.cpus': '0-1\n' },
    writable: ['sys/fs/cgroup'],
  });
  assert.ok(filled.mode === 'v1');
  assert.match(filled.parents.cpuset ?? '', /cpuset\/ann$/);
});

test('no cgroup file system at all', async (t) => {
  const { access } = await detect(t, { groups: '0::/\n', mounts: '' });
  assert.equal(access.mode, 'none');
  assert.match(access.mode === 'none' ? access.reason : '', /mounted/);
});

test('groups above the cgroup namespace are not reached', () => {
  assert.deepEqual(findHierarchies('0::/../other\n', v2Mount), []);
});

test('a mount from outside of the cgroup namespace does not show where we are', () => {
  assert.deepEqual(findHierarchies('0::/\n', v2Mount.replace(' / /sys', ' /../.. /sys')), []);
});

test('a mount of a part of the hierarchy is seen from there', () => {
  const mounts = '41 31 0:38 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n';
  assert.equal(findHierarchies('4:memory:/docker/abc/x\n', mounts)[0]?.folder, '/sys/fs/cgroup/memory/x');
  assert.deepEqual(findHierarchies('4:memory:/docker/other\n', mounts), []);
});

test('preparing moves everything of our unit into the leaf and enables what it can', async (t) => {
  const root = makeTree(t, {
    'terrarium-1.service/cgroup.procs': '77\n',
    'terrarium-1.service/cgroup.subtree_control': '',
    'terrarium-1.service/zygote/cgroup.procs': '',
  });
  const parent = path.join(root, 'terrarium-1.service');
  await prepareDelegation({ mode: 'v2', parent, controllers: ['memory'] }, 77);
  assert.equal(readFileSync(path.join(parent, 'zygote/cgroup.procs'), 'utf8'), '77');
  assert.match(readFileSync(path.join(parent, 'cgroup.subtree_control'), 'utf8'), /\+memory/);
});

test('preparing leaves the processes of others alone', async (t) => {
  const root = makeTree(t, {
    'shared.scope/cgroup.procs': '77\n78\n',
    'shared.scope/cgroup.subtree_control': '',
    'shared.scope/zygote/cgroup.procs': '',
  });
  const parent = path.join(root, 'shared.scope');
  await prepareDelegation({ mode: 'v2', parent, controllers: ['memory'] }, 77);
  assert.equal(readFileSync(path.join(parent, 'zygote/cgroup.procs'), 'utf8'), '');
});

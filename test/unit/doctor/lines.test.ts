import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Facts } from '../../../helper/doctor/explain.js';
import { gatherFacts } from '../../../helper/doctor/facts.js';
import { kernelFinding, switchesFinding } from '../../../helper/doctor/machineFindings.js';
import { makeTree } from '../cgroup/tree.js';

const identity = { mapping: 'single', uidMappings: [], gidMappings: [], explanation: '' } as const;

for (const [version, verdict] of [
  ['5.11.22-generic', 'missing'],
  ['4.18.0-553.el8', 'missing'],
  ['5.12.0', 'works'],
  ['5.15.167.4-microsoft-standard-WSL2', 'works'],
  ['6.18.44', 'works'],
  ['10.0', 'works'],
] as const) {
  test(`Linux ${version} ${verdict}`, () => assert.equal(kernelFinding(version).verdict, verdict));
}

test('switches are read where the kernel has them', async (t) => {
  const proc = makeTree(t, {
    'sys/kernel/apparmor_restrict_unprivileged_userns': '1\n',
    'sys/user/max_user_namespaces': '0\n',
    'self/limits':
      'Limit  Soft Limit  Hard Limit  Units\nMax processes             512                  1024                 processes\n',
    'self/mountinfo': '',
  });
  const facts = await gatherFacts({ ...identity, uidMappings: [], gidMappings: [] }, proc);
  assert.equal(facts.apparmorRestriction, 1);
  assert.equal(facts.unprivilegedUserNamespaces, undefined);
  assert.deepEqual(facts.namespaceLimits, { user: 0 });
  assert.equal(facts.processLimit, 512);
  const line = switchesFinding(facts);
  assert.equal(line.verdict, 'missing');
  assert.match(line.tried, /apparmor.*= 1.*max_user_namespaces = 0/);
  assert.match(line.command ?? '', /sysctl/);
});

test('without any switch in the way the line works, and has nothing to fix', () => {
  const facts: Facts = {
    kernel: '6.1',
    architecture: 'x64',
    mapping: 'range',
    namespaceLimits: { user: 100 },
    mounts: [],
  };
  const line = switchesFinding(facts);
  assert.equal(line.verdict, 'works');
  assert.equal(line.fix, undefined);
});

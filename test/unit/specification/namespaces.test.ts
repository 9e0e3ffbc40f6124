import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withForeignIds } from '../../../helper/container/foreignIds.js';
import type { ContainerSpecification, oci } from '../../../helper/protocol/index.js';
import { withHostNamespaces } from '../../../helper/specification/complete.js';
import { namespaceChoices, namespacesOf, refusedNamespaces } from '../../../helper/specification/namespaces.js';
import { parseSpecification } from '../../../helper/specification/schema.js';

const whose = { container: 'web' };

describe('namespaces', () => {
  test('are new where nothing was chosen, but the time', () => {
    assert.deepEqual(namespaceChoices({}), {
      user: 'new',
      mount: 'new',
      uts: 'new',
      ipc: 'new',
      network: 'new',
      pid: 'new',
      cgroup: 'new',
      time: 'host',
    });
    assert.equal(namespaceChoices({ timeOffsets: {} }).time, 'new');
    assert.equal(namespaceChoices({ namespaces: { time: 'new' } }).time, 'new');
  });

  test('are this machine’s with chroot, unless one was chosen', () => {
    assert.deepEqual(namespacesOf({ chroot: true }), ['user', 'mount']);
    assert.deepEqual(namespacesOf({ chroot: true, namespaces: { pid: 'new' } }), ['user', 'mount', 'pid']);
    assert.deepEqual(namespacesOf({ chroot: true, network: { kind: 'none' } }), ['user', 'mount', 'network']);
  });

  test('of others are entered by whoever enters the container', () => {
    const network = { kind: 'process', pid: 7 } as const;
    const question = { namespaces: { ipc: whose, uts: 'host' }, network } as const;
    assert.deepEqual(namespaceChoices(question).network, { process: 7 });
    assert.deepEqual(namespacesOf(question), ['user', 'mount', 'ipc', 'network', 'pid', 'cgroup']);
  });

  test('that no ordinary user can have are refused, each with what to choose instead', () => {
    const refused = (specification: ContainerSpecification) =>
      refusedNamespaces(specification).map(({ type, message }) => `${type}: ${message}`);
    const cases: [ContainerSpecification, RegExp][] = [
      [{ namespaces: { mount: 'host' } }, /^mount: .*CAP_SYS_ADMIN.*"chroot": true/],
      [{ namespaces: { mount: whose } }, /^mount: .*enter that one/],
      [{ namespaces: { user: 'host' } }, /^user: .*CAP_SYS_ADMIN.*"new"/],
      [{ namespaces: { user: whose }, network: { kind: 'bridge', network: 'lab' } }, /^network: .*new user namespace/],
    ];
    for (const [specification, message] of cases) {
      const all = refused(specification);
      assert.equal(all.length, 1);
      assert.match(all[0] ?? '', message);
      assert.throws(() => parseSpecification(specification));
    }
    const joined = { user: whose, pid: whose, ipc: whose, uts: whose, cgroup: whose, time: { process: 3 } };
    assert.deepEqual(refused({ namespaces: joined, network: { kind: 'container', container: 'web' } }), []);
  });

  test('a limit on nested ones is no other’s to set', () => {
    const namespaces = { user: whose };
    assert.throws(() => parseSpecification({ namespaces, nestedNamespaces: false }), /nestedNamespaces: .*another’s/);
    assert.throws(() => parseSpecification({ namespaces, sysctl: { 'user.max_user_namespaces': '1' } }), /sysctl/);
  });
});

const mounts: oci.Mount[] = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'gid=5'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs' },
  { destination: '/sys/fs/cgroup', type: 'cgroup2', source: 'cgroup' },
];
const config: oci.Config = {
  ociVersion: '1.1.0',
  process: {
    cwd: '/',
    env: [],
    args: [],
    user: { uid: 0, gid: 0 },
    capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
    noNewPrivileges: true,
  },
  root: { path: '/r', readonly: false },
  mounts,
  linux: {
    namespaces: [{ type: 'user' }, { type: 'pid' }, { type: 'network' }],
    maskedPaths: [],
    readonlyPaths: [],
  },
  annotations: {},
};

describe('at a start', () => {
  test('what turns out to be the host’s is shown as the host’s', () => {
    const shared = withHostNamespaces(config, ['pid', 'network'], { root: { kind: 'image', name: 'a' } });
    assert.deepEqual(
      shared.mounts.map(({ destination, type }) => `${destination} ${type}`),
      ['/proc bind', '/dev/pts devpts', '/sys bind', '/etc/resolv.conf bind'],
    );
    assert.deepEqual(shared.linux.namespaces, [{ type: 'user' }]);
    assert.equal(withHostNamespaces(config, [], {}), config);
  });

  test('a user namespace that is there decides about the ids', () => {
    const root = [{ containerID: 0, hostID: 1000, size: 1 }];
    const single = withForeignIds(config, { uidMappings: root, gidMappings: root });
    assert.deepEqual(single.linux.namespaces, [{ type: 'pid' }, { type: 'network' }]);
    assert.deepEqual(single.mounts[1]?.options, ['nosuid'], 'no group of terminals');
    const range = [...root, { containerID: 1, hostID: 100_000, size: 65_536 }];
    assert.deepEqual(withForeignIds(config, { uidMappings: range, gidMappings: range }).mounts[1]?.options, [
      'nosuid',
      'gid=5',
    ]);
    const asked = { ...config, process: { ...config.process, user: { uid: 33, gid: 33 } } };
    assert.throws(() => withForeignIds(asked, { uidMappings: root, gidMappings: root }), /has not user 33/);
  });
});

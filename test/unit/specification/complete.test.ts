import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerSpecification } from '../../../helper/protocol/index.js';
import {
  completeConfig,
  defaultMaskedPaths,
  defaultReadonlyPaths,
  mergeEnvironment,
  type SpecificationFacts,
} from '../../../helper/specification/complete.js';
import { facts, singleIdentity } from '../plan/samples.js';

const complete = (specification: ContainerSpecification = {}, known: Partial<SpecificationFacts> = {}) =>
  completeConfig(specification, { ...facts, ...known });
const mountAt = (config: ReturnType<typeof complete>, destination: string) =>
  config.mounts.find((mount) => mount.destination === destination);
const types = (config: ReturnType<typeof complete>) => config.linux.namespaces.map(({ type }) => type);

describe('a specification with nothing in it', () => {
  test('becomes a whole configuration', () => {
    const config = complete();
    assert.equal(config.hostname, 'quiet-fern');
    assert.deepEqual(config.process.args, []);
    assert.equal(config.process.cwd, '/');
    assert.equal(config.process.noNewPrivileges, true);
    assert.deepEqual(types(config), ['user', 'mount', 'uts', 'ipc', 'network', 'pid', 'cgroup']);
    assert.deepEqual(config.linux.maskedPaths, defaultMaskedPaths);
    assert.deepEqual(config.linux.readonlyPaths, defaultReadonlyPaths);
    assert.deepEqual(config.annotations, {});
    assert.equal(config.root.readonly, false);
  });

  test('has no capability that a container could harm the host with', () => {
    const { capabilities } = complete().process;
    for (const name of ['CAP_SYS_ADMIN', 'CAP_SYS_MODULE', 'CAP_SYS_PTRACE', 'CAP_NET_ADMIN']) {
      assert.ok(!capabilities.bounding.includes(name), name);
    }
    assert.deepEqual(capabilities.inheritable, [], 'CVE-2022-27650');
  });
});

describe('mounts', () => {
  test('every one but the devices’ is nosuid, and none of the kernel’s own can be executed from', () => {
    for (const { destination, options } of complete().mounts) {
      assert.ok(options?.includes('nosuid'), destination);
      if (/^\/(proc|sys)/.test(destination)) assert.ok(options?.includes('noexec'), destination);
    }
  });

  test("proc, sysfs and mqueue are the host's, bound, where their namespace is the host's", () => {
    assert.equal(mountAt(complete(), '/proc')?.type, 'proc');
    assert.equal(mountAt(complete({ namespaces: { pid: 'host' } }), '/proc')?.type, 'bind');
    assert.equal(mountAt(complete(), '/sys')?.type, 'sysfs');
    assert.equal(mountAt(complete({ network: { kind: 'host' } }), '/sys')?.type, 'bind');
    // Of joined ones it is made by who has a say over them: see the plan.
    assert.equal(mountAt(complete({ network: { kind: 'container', container: 'a' } }), '/sys')?.type, 'sysfs');
    assert.equal(mountAt(complete({ namespaces: { ipc: 'host' } }), '/dev/mqueue')?.type, 'bind');
    assert.equal(mountAt(complete({ namespaces: { ipc: 'host' } }, { hostQueues: false }), '/dev/mqueue'), undefined);
  });

  test('/sys is read-only, whosever it is', () => {
    for (const network of ['none', 'host'] as const) {
      assert.ok(mountAt(complete({ network: { kind: network } }), '/sys')?.options?.includes('ro'));
    }
  });

  test('cgroup2 is mounted only where it can be and shows no more than the container', () => {
    const at = '/sys/fs/cgroup';
    assert.equal(mountAt(complete(), at), undefined);
    assert.ok(mountAt(complete({}, { cgroupMount: true }), at)?.options?.includes('ro'));
    assert.equal(mountAt(complete({ namespaces: { cgroup: 'host' } }, { cgroupMount: true }), at), undefined);
    assert.equal(mountAt(complete({ network: { kind: 'host' } }, { cgroupMount: true }), at), undefined);
  });

  test("on this machine's root /tmp and /run are the container's own; an image's are left alone", () => {
    assert.equal(mountAt(complete(), '/tmp')?.type, 'tmpfs');
    assert.equal(mountAt(complete({ root: { kind: 'image', name: 'a' } }), '/tmp'), undefined);
  });

  test("an image on the host's network gets the host's resolv.conf, read-only", () => {
    const root = { kind: 'image', name: 'a' } as const;
    const at = '/etc/resolv.conf';
    assert.ok(mountAt(complete({ root, network: { kind: 'host' } }), at)?.options?.includes('ro'));
    assert.equal(mountAt(complete({ root }), at), undefined);
    assert.equal(mountAt(complete({ network: { kind: 'host' } }), at), undefined);
  });

  test('the terminal group exists only with a range', () => {
    assert.ok(mountAt(complete(), '/dev/pts')?.options?.includes('gid=5'));
    assert.ok(!mountAt(complete({}, { identity: singleIdentity }), '/dev/pts')?.options?.includes('gid=5'));
  });

  test('what was asked for comes last, in its order, and nosuid and nodev win over anything', () => {
    const config = complete({
      mounts: [
        { source: '/a', destination: '/x', options: ['nosuid', 'suid', 'dev', 'ro'] },
        { destination: '/y' },
        { source: '/b', destination: '/x/z', options: ['bind'] },
      ],
    });
    assert.deepEqual(config.mounts.slice(-3), [
      { destination: '/x', type: 'bind', source: '/a', options: ['ro', 'nosuid', 'nodev', 'rbind'] },
      { destination: '/y', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev'] },
      { destination: '/x/z', type: 'bind', source: '/b', options: ['bind', 'nosuid', 'nodev'] },
    ]);
  });
});

describe('namespaces', () => {
  test('time is its own only with offsets', () => {
    assert.ok(types(complete({ timeOffsets: { monotonic: { secs: 1, nanosecs: 0 } } })).includes('time'));
    assert.ok(!types(complete({ timeOffsets: {}, namespaces: { time: 'host' } })).includes('time'));
  });

  test('chroot leaves only what it cannot do without, and a joined network counts as another', () => {
    assert.deepEqual(types(complete({ chroot: true })), ['user', 'mount']);
    const network = { kind: 'container', container: 'web' } as const;
    assert.deepEqual(types(complete({ chroot: true, network })), ['user', 'mount', 'network']);
    assert.ok(types(complete({ network })).includes('network'));
  });
});

describe('the process', () => {
  const image = { env: ['PATH=/image', 'A=image', 'B=image'], args: ['/entry'], cwd: '/work' };

  test('is the image’s, unless something else was asked for', () => {
    const plain = complete({}, { image }).process;
    assert.deepEqual([plain.args, plain.cwd], [['/entry'], '/work']);
    const asked = complete({ args: ['x'], cwd: '/c' }, { image }).process;
    assert.deepEqual([asked.args, asked.cwd], [['x'], '/c']);
    assert.deepEqual(complete({ args: [] }, { image }).process.args, []);
  });

  test('has defaults, then the image’s variables, then those asked for', () => {
    assert.deepEqual(complete({ env: ['B=asked', 'C=asked'] }, { image }).process.env, [
      'PATH=/image',
      'HOME=/root',
      'A=image',
      'B=asked',
      'C=asked',
    ]);
    assert.ok(complete({ terminal: true }).process.env.includes('TERM=xterm-256color'));
  });

  test('of a user that is not root keeps only capabilities asked for by name', () => {
    const user = { uid: 1000, gid: 1000, additionalGids: [], home: '/home/u' };
    const { capabilities } = complete({ capabilities: { add: ['CAP_NET_BIND_SERVICE'] } }, { user }).process;
    for (const set of ['effective', 'permitted', 'inheritable', 'ambient'] as const) {
      assert.deepEqual(capabilities[set], ['CAP_NET_BIND_SERVICE'], set);
    }
    assert.ok(capabilities.bounding.includes('CAP_CHOWN'));
  });
});

describe('environments', () => {
  test('name each variable once, at its first place, with its last value', () => {
    assert.deepEqual(mergeEnvironment(['A=1', 'B=2', 'A=3', 'C=a=b', 'C=']), ['A=3', 'B=2', 'C=']);
  });

  test('keep what has no value apart from others', () => {
    assert.deepEqual(mergeEnvironment(['ALONE', 'ALON=1', 'OTHER']), ['ALONE', 'ALON=1', 'OTHER']);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as kernel from '../../../helper/plan/constants.js';
import { escapeOverlayPath, overlayData, parseMountOptions, recursively } from '../../../helper/plan/mountOptions.js';
import { rootSteps } from '../../../helper/plan/rootSteps.js';
import { stepOf, stepsOf } from './samples.js';

const writable = { upper: '/c/upper/etc', work: '/c/work/etc' };

describe('mount options', () => {
  test('are attributes, propagation or the file system’s own', () => {
    const parsed = parseMountOptions(['ro', 'nosuid', 'size=1m', 'rshared', 'rbind', 'defaults', 'relatime']);
    assert.equal(parsed.attributes, kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID);
    assert.equal(parsed.propagation, kernel.MS_SHARED | kernel.MS_REC);
    assert.deepEqual([parsed.bind, parsed.recursive, parsed.data], [true, true, 'size=1m']);
    const none = parseMountOptions([]);
    assert.deepEqual(
      [none.attributes, none.propagation, none.bind, none.recursive, none.data],
      [0, 0, false, false, ''],
    );
  });

  test('the last of two opposites counts', () => {
    assert.equal(parseMountOptions(['ro', 'rw']).attributes, 0);
    assert.equal(parseMountOptions(['exec', 'noexec']).attributes, kernel.MOUNT_ATTR_NOEXEC);
  });

  test('runtime-spec’s names for all mounts below mean what the plain ones do', () => {
    const plain = ['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'nosymfollow'];
    const recursive = plain.map((option) => `r${option}`);
    assert.deepEqual(parseMountOptions(recursive), parseMountOptions(plain));
    assert.equal(parseMountOptions(['rro', 'rw']).attributes, 0);
    assert.equal(parseMountOptions(['rsize=1m']).data, 'rsize=1m');
    // Nothing is allowed again that the source forbids: the kernel refuses that to ordinary users.
    assert.deepEqual(recursively(['ro', 'rw', 'exec', 'rbind', 'nodev', 'rslave']), [
      'rro',
      'rw',
      'exec',
      'rbind',
      'rnodev',
      'rslave',
    ]);
  });

  test('names of an object’s own methods are no options', () => {
    assert.equal(parseMountOptions(['constructor', 'toString']).data, 'constructor,toString');
  });
});

describe('overlays', () => {
  test('escape what the kernel takes for a separator', () => {
    assert.equal(escapeOverlayPath('/a:b,c\\d'), '/a\\:b\\,c\\\\d');
    assert.equal(
      overlayData({ lower: ['/x:y', '/z'], writable: { upper: '/u,', work: '/w' }, volatile: true }),
      'lowerdir=/x\\:y:/z,upperdir=/u\\,,workdir=/w,userxattr,volatile',
    );
  });

  test('are volatile only where something is written', () => {
    assert.equal(overlayData({ lower: ['/a', '/b'], volatile: true }), 'lowerdir=/a:/b,userxattr');
  });
});

describe('the root', () => {
  test('is one overlay, in folders that are made first', () => {
    const steps = rootSteps({
      path: '/c/rootfs',
      content: { kind: 'layered', layers: { lower: ['/image'], writable, volatile: false } },
    });
    assert.deepEqual(
      steps.map((step) => [step.kind, 'path' in step ? step.path : 'destination' in step ? step.destination : '']),
      [
        ['makeDirectory', '/c/upper'],
        ['makeDirectory', '/c/work'],
        ['makeDirectory', '/c/upper/etc'],
        ['removeTree', '/c/work/etc/work/incompat'],
        ['makeDirectory', '/c/work/etc'],
        ['mount', '/c/rootfs'],
        ['setRoot', '/c/rootfs'],
      ],
    );
  });

  test('of the host has every folder above a writable one', () => {
    const deep = { upper: '/c/upper/home/me/work', work: '/c/work/home/me/work' };
    const steps = rootSteps({
      path: '/c/rootfs',
      content: {
        kind: 'composed',
        base: '/c/upper',
        parts: [
          {
            name: 'home/me/work',
            kind: 'overlay',
            layers: { lower: ['/home/me/work'], writable: deep, volatile: false },
          },
        ],
      },
    });
    const made = stepsOf(steps, 'makeDirectory').map((step) => step.path);
    const above = ['/c/upper', '/c/upper/home', '/c/upper/home/me', '/c/upper/home/me/work'];
    assert.deepEqual(made.filter((path) => above.includes(path)).slice(0, above.length), above);
    assert.ok(made.indexOf('/c/work/home') < made.indexOf('/c/work/home/me'));
  });

  test('in memory, a tmpfs holds the writable folders', () => {
    const [first] = rootSteps({
      path: '/c/rootfs',
      scratch: '/c/scratch',
      content: { kind: 'layered', layers: { lower: ['/image'], writable, volatile: false } },
    });
    assert.deepEqual(first, {
      kind: 'mount',
      type: 'tmpfs',
      source: 'tmpfs',
      destination: '/c/scratch',
      attributes: kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV,
      data: 'mode=700',
    });
  });

  test('of the host is composed folder by folder', () => {
    const steps = rootSteps({
      path: '/c/rootfs',
      content: {
        kind: 'composed',
        base: '/c/upper',
        parts: [
          { name: 'bin', kind: 'link', target: 'usr/bin' },
          { name: 'tmp', kind: 'empty', mode: 0o1777 },
          { name: 'etc', kind: 'overlay', layers: { lower: ['/layer/etc', '/etc'], writable, volatile: true } },
          { name: 'usr', kind: 'bind' },
        ],
      },
    });
    assert.deepEqual(stepOf(steps, 'symlink'), { kind: 'symlink', target: 'usr/bin', path: '/bin', tolerate: 'any' });
    assert.ok(stepsOf(steps, 'makeDirectory').some(({ path, mode }) => path === '/tmp' && mode === 0o1777));
    assert.equal(stepOf(steps, 'mount').destination, '/etc');
    assert.match(stepOf(steps, 'mount').data, /^lowerdir=\/layer\/etc:\/etc,upperdir=.*,volatile$/);
    const [base, submounts] = stepsOf(steps, 'bind');
    assert.deepEqual([base?.source, base?.destination, base?.recursive], ['/c/upper', '/c/rootfs', 0]);
    // Mounts below it come along, and none of them can be written.
    assert.deepEqual(submounts, {
      kind: 'bind',
      source: '/usr',
      destination: '/usr',
      recursive: 1,
      attributes: kernel.MOUNT_ATTR_RDONLY | kernel.MOUNT_ATTR_NOSUID | kernel.MOUNT_ATTR_NODEV,
      propagation: kernel.MS_PRIVATE | kernel.MS_REC,
      device: 0n,
    });
    const root = steps.findIndex(({ kind }) => kind === 'setRoot');
    assert.ok(steps.findIndex(({ kind }) => kind === 'symlink') > root, 'parts are made inside the root');
  });
});

test('device numbers are packed as glibc does', () => {
  assert.equal(kernel.makeDevice(1, 3), 0x103n);
  assert.equal(kernel.makeDevice(0x12345, 0x6789ab), kernelMakedev(0x12345, 0x6789ab));
});

/** gnu_dev_makedev of sys/sysmacros.h, written out bit by bit. */
function kernelMakedev(major: number, minor: number): bigint {
  let device = (BigInt(major) & 0x00000fffn) << 8n;
  device |= (BigInt(major) & 0xfffff000n) << 32n;
  device |= (BigInt(minor) & 0x000000ffn) << 0n;
  return device | ((BigInt(minor) & 0xffffff00n) << 12n);
}

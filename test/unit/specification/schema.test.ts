import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ErrorCode, type TerrariumError } from '../../../helper/protocol/index.js';
import { parseSpecification } from '../../../helper/specification/schema.js';

/** The sentence about what is wrong; fails when nothing is. */
function problemOf(input: unknown): string {
  try {
    parseSpecification(input);
  } catch (error) {
    const { code, message, data } = error as TerrariumError;
    assert.equal(code, ErrorCode.Invalid);
    assert.ok(data?.cause !== undefined && data.fix !== undefined);
    return message.replace('The specification is not valid: ', '');
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(input)}` });
}

const everything = {
  $schema: 'terrarium://schema',
  name: 'web-1.test_A',
  root: { kind: 'directory', path: '/srv/root' },
  writable: 'tmpfs',
  hostname: 'web.example',
  args: ['sh', '-c', ''],
  env: ['A=', 'B=x=y\nz'],
  cwd: '/tmp',
  user: 'nobody:nogroup',
  terminal: true,
  mounts: [
    { source: '/a', destination: '/b', type: 'bind', options: ['ro', 'rslave', 'noexec'] },
    { source: 'relative', destination: '/c' },
    { destination: '/d', type: 'tmpfs', options: ['size=64m'] },
  ],
  network: { kind: 'none' },
  ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', address: '127.0.0.1' }],
  namespaces: { mount: 'new', uts: 'host', ipc: { container: 'a' }, pid: 'host', cgroup: { process: 1 }, time: 'host' },
  timeOffsets: { monotonic: { secs: -1, nanosecs: 999_999_999 }, boottime: { secs: 1, nanosecs: 0 } },
  resources: {
    memory: { limit: 1, reservation: 0, swap: -1, kernel: -1, swappiness: 200, disableOOMKiller: true },
    cpu: { shares: 2, quota: -1, period: 1000, burst: 0, cpus: '0-1', mems: '0', idle: 1 },
    pids: { limit: -1 },
    blockIO: {
      weight: 10,
      weightDevice: [{ major: 8, minor: 0, weight: 1000 }],
      throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
      throttleWriteBpsDevice: [],
      throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 0 }],
      throttleWriteIOPSDevice: [{ major: 259, minor: 1_048_575, rate: 5 }],
    },
    hugepageLimits: [{ pageSize: '2MB', limit: 0 }],
    rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10_000 } },
    unified: { 'memory.high': 'max' },
  },
  rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1, hard: 1 }],
  capabilities: { add: ['CAP_NET_RAW'], drop: ['CAP_CHOWN'] },
  seccomp: {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [
      {
        names: ['read'],
        action: 'SCMP_ACT_ALLOW',
        errnoRet: 0,
        args: [{ index: 0, value: 1, valueTwo: 2, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    ],
  },
  noNewPrivileges: false,
  maskedPaths: ['/proc/x'],
  readonlyPaths: [],
  sysctl: { 'net.ipv4.ip_forward': '1', 'net/ipv4/conf/eth0.1/rp_filter': '' },
  oomScoreAdj: -1000,
  chroot: false,
  init: true,
  annotations: { 'org.example': '' },
};

describe('a specification', () => {
  test('with every field is accepted as it is, but for $schema', () => {
    const { $schema, ...expected } = everything;
    assert.deepEqual(parseSpecification(everything), expected);
    assert.deepEqual(parseSpecification({}), {});
    for (const seccomp of ['default', 'unconfined']) assert.deepEqual(parseSpecification({ seccomp }), { seccomp });
  });

  const refused: readonly [field: string, value: unknown, problem: RegExp][] = [
    ['name', '', /^name: letters, digits/],
    ['name', '-x', /^name: /],
    ['name', 'a/b', /^name: /],
    ['name', '..', /^name: /],
    ['name', 'x'.repeat(64), /^name: /],
    ['name', 'a\n', /^name: /],
    ['root', { kind: 'floppy' }, /^root\.kind: /],
    ['root', { kind: 'image' }, /^root\.name: /],
    ['root', { kind: 'directory', path: 'a' }, /^root\.path: must be an absolute path/],
    ['root', { kind: 'host', path: '/a' }, /^root: .*path/],
    ['writable', 'sometimes', /^writable: /],
    ['hostname', '-a', /^hostname: a hostname has/],
    ['hostname', 'a_b', /^hostname: /],
    ['hostname', 'x'.repeat(65), /^hostname: /],
    ['args', 'sh', /^args: /],
    ['args', ['a\0b'], /^args\.0: An argument must not contain a NUL/],
    ['env', ['A'], /^env\.0: NAME=value/],
    ['env', ['=x'], /^env\.0: NAME=value/],
    ['env', ['A=\0'], /^env\.0: A variable must not contain a NUL/],
    ['cwd', 'tmp', /^cwd: must be an absolute path/],
    ['user', '', /^user: /],
    ['terminal', 'yes', /^terminal: /],
    ['mounts', [{ source: '/a' }], /^mounts\.0\.destination: /],
    ['mounts', [{ source: '/a', destination: 'b' }], /^mounts\.0\.destination: must be an absolute path/],
    ['mounts', [{ destination: '/b', type: 'proc' }], /^mounts\.0\.type: /],
    ['mounts', [{ destination: '/b', type: 'bind' }], /^mounts\.0\.source: a bind mount needs a source/],
    [
      'mounts',
      [{ source: '/a', destination: '/b', options: ['readonly'] }],
      /^mounts\.0\.options: "readonly" is no option of a bind mount/,
    ],
    ['mounts', [{ destination: '/b', options: ['rbind'] }], /^mounts\.0\.options: bind and rbind are not for a tmpfs/],
    ['mounts', [{ source: '/a', destination: '/b\0' }], /NUL/],
    ['ports', [{ hostPort: 0, containerPort: 80 }], /^ports\.0\.hostPort: /],
    ['ports', [{ hostPort: 80 }], /^ports\.0\.containerPort: /],
    ['ports', [{ hostPort: 80, containerPort: 80, protocol: 'sctp' }], /^ports\.0\.protocol: /],
    ['network', { kind: 'pasta' }, /^network\.kind: /],
    ['network', { kind: 'bridge' }, /^network\.network: /],
    ['network', { kind: 'bridge', network: 'x', address: '10.0.0.300' }, /^network\.address: /],
    ['network', { kind: 'container', container: '' }, /^network\.container: /],
    ['namespaces', { uts: 'shared' }, /^namespaces\.uts: /],
    ['namespaces', { network: 'host' }, /^namespaces: .*network/],
    ['namespaces', { ipc: { process: 0 } }, /^namespaces\.ipc\.process: /],
    ['namespaces', { user: 'host' }, /^namespaces\.user: .* CAP_SYS_ADMIN/],
    ['namespaces', { mount: 'host' }, /^namespaces\.mount: .* "chroot": true/],
    ['network', { kind: 'process', pid: '1' }, /^network\.pid: /],
    ['timeOffsets', { monotonic: { secs: 0.5, nanosecs: 0 } }, /^timeOffsets\.monotonic\.secs: /],
    ['timeOffsets', { boottime: { secs: 0, nanosecs: 1_000_000_000 } }, /^timeOffsets\.boottime\.nanosecs: /],
    ['resources', { memory: { limit: -2 } }, /^resources\.memory\.limit: /],
    ['resources', { memory: { swappiness: 201 } }, /^resources\.memory\.swappiness: /],
    ['resources', { cpu: { idle: 2 } }, /^resources\.cpu\.idle: /],
    ['resources', { cpu: { burst: -1 } }, /^resources\.cpu\.burst: /],
    ['resources', { blockIO: { weight: 9 } }, /^resources\.blockIO\.weight: /],
    ['resources', { blockIO: { throttleReadBpsDevice: [{ major: 8, rate: 1 }] } }, /^resources\.blockIO\.throttle/],
    ['resources', { hugepageLimits: [{ pageSize: '../x', limit: 1 }] }, /^resources\.hugepageLimits\.0\.pageSize: /],
    ['resources', { rdma: { 'a b': {} } }, /^resources\.rdma/],
    ['resources', { cpu: { period: 999 } }, /^resources\.cpu\.period: /],
    ['resources', { cpu: { shares: 1 } }, /^resources\.cpu\.shares: /],
    ['resources', { pids: {} }, /^resources\.pids\.limit: /],
    ['resources', { unified: { '../x': '1' } }, /^resources\.unified/],
    ['resources', { unified: { 'memory/../x': '1' } }, /^resources\.unified/],
    ['resources', { cpus: 1 }, /^resources: .*cpus/],
    ['rlimits', [{ type: 'RLIMIT_FUN', soft: 1, hard: 1 }], /^rlimits\.0\.type: /],
    ['rlimits', [{ type: 'RLIMIT_CPU', soft: 2, hard: 1 }], /^rlimits\.0: the soft limit is above the hard limit/],
    ['capabilities', { add: ['NET_RAW'] }, /^capabilities\.add\.0: a capability such as CAP_NET_RAW/],
    ['seccomp', 'strict', /^seccomp: /],
    ['seccomp', { defaultAction: 'SCMP_ACT_TRACE' }, /^seccomp: /],
    ['noNewPrivileges', 1, /^noNewPrivileges: /],
    ['maskedPaths', ['proc'], /^maskedPaths\.0: must be an absolute path/],
    ['readonlyPaths', [''], /^readonlyPaths\.0: must be an absolute path/],
    ['sysctl', { 'net..x': '1' }, /^sysctl/],
    ['sysctl', { 'net/../x': '1' }, /^sysctl/],
    ['sysctl', { '/kernel/x': '1' }, /^sysctl/],
    ['sysctl', { 'kernel.x': '\0' }, /A value must not contain a NUL/],
    ['sysctl', { 'vm.swappiness': '1' }, /^sysctl\.vm\.swappiness: .* a setting of the whole machine/],
    ['sysctl', { 'vm/swappiness': '1' }, /a setting of the whole machine/],
    ['sysctl', { 'kernel.core_pattern': '|/bin/x' }, /a setting of the whole machine/],
    ['sysctl', { 'user.max_inotify_watches': '1' }, /a setting of the whole machine/],
    ['sysctl', { 'fs.mqueue_other': '1' }, /a setting of the whole machine/],
    ['oomScoreAdj', 1001, /^oomScoreAdj: /],
    ['chroot', null, /^chroot: /],
    ['init', 'true', /^init: /],
    ['annotations', { '': 'x' }, /^annotations/],
  ];
  for (const [field, value, problem] of refused) {
    test(`${field} ${JSON.stringify(value).slice(0, 60)} is refused`, () => {
      assert.match(problemOf({ [field]: value }), problem);
    });
  }

  test('each field that can be given is refused above when it is wrong', () => {
    const fields = Object.keys(everything).filter((field) => field !== '$schema');
    assert.deepEqual(
      fields.filter((field) => !refused.some(([name]) => name === field)),
      [],
    );
  });

  test('a setting of a namespace is refused where that namespace is not the container’s own', () => {
    const sysctl = {
      'net.core.somaxconn': '1',
      'kernel/shmmax': '1',
      'fs.mqueue.msg_max': '1',
      'kernel.domainname': 'x',
    };
    assert.deepEqual(parseSpecification({ sysctl }), { sysctl });
    const others = {
      network: { kind: 'container', container: 'x' },
      namespaces: { ipc: 'host', uts: { container: 'x' } },
      sysctl,
    };
    assert.equal(problemOf(others).split('; ').length, 4);
    assert.equal(problemOf({ chroot: true, sysctl }).split('; ').length, 4);
    assert.match(
      problemOf({ network: { kind: 'host' }, sysctl }),
      /^sysctl\.net\.core\.somaxconn: .*network namespace/,
    );
  });

  test('a misspelled field is told by its name', () => {
    assert.match(problemOf({ hostnam: 'x' }), /hostnam/);
  });

  test('all that is wrong is told at once', () => {
    assert.match(problemOf({ name: '', cwd: 'x' }), /name: .*; cwd: must be an absolute path/);
  });

  for (const input of [null, 'x', 1, [], undefined]) {
    test(`${JSON.stringify(input)} is no specification`, () => {
      assert.notEqual(problemOf(input), '');
    });
  }
});

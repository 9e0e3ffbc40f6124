import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeChange, formatOf } from '../../../cli/exporting.js';
import { archiveName } from '../../../helper/export/archiveName.js';
import { bundleConfig } from '../../../helper/export/bundleConfig.js';
import { portableCapabilities } from '../../../helper/export/capabilities.js';
import { committedConfig, creationTime } from '../../../helper/export/commitConfig.js';
import { containerManifest, podManifest } from '../../../helper/export/pod.js';
import { podName } from '../../../helper/export/podContainer.js';
import { formatYaml } from '../../../helper/export/yaml.js';
import type { ContainerSpecification, oci } from '../../../helper/protocol/index.js';

const digest = (digit: string) => `sha256:${digit.repeat(64)}`;

test('a further layer leaves what an image said before', () => {
  const base = {
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['A=1'], Entrypoint: ['/bin/x'], Cmd: ['y'], Labels: { kept: 'yes' } },
    rootfs: { type: 'layers' as const, diff_ids: [digest('1'), digest('2')] },
    history: [{ created_by: 'first' }, { created_by: 'nothing', empty_layer: true }],
    unknown: 'kept',
  };
  const config = committedConfig(base, {
    created: '2020-01-01T00:00:00.000Z',
    comment: 'why',
    config: { args: ['/bin/z'] },
    layers: [{ diffId: digest('3'), createdBy: 'us' }],
  });
  assert.deepEqual(config.config, { Env: ['A=1'], Entrypoint: null, Cmd: ['/bin/z'], Labels: { kept: 'yes' } });
  assert.equal(config.unknown, 'kept');
  assert.deepEqual(config.rootfs.diff_ids, [digest('1'), digest('2'), digest('3')]);
  // The second layer had no line: with one for each, none is taken for another's.
  assert.deepEqual(config.history, [
    { created_by: 'first' },
    { created_by: 'nothing', empty_layer: true },
    {},
    { created: '2020-01-01T00:00:00.000Z', created_by: 'us', comment: 'why' },
  ]);
  assert.equal(base.rootfs.diff_ids.length, 2);
});

test('SOURCE_DATE_EPOCH says when an image was made', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  assert.equal(creationTime({ SOURCE_DATE_EPOCH: '0' }, now), '1970-01-01T00:00:00.000Z');
  assert.equal(creationTime({ SOURCE_DATE_EPOCH: '1600000000' }, now), '2020-09-13T12:26:40.000Z');
  for (const value of ['', '-1', 'x', '1.5', '999999999999']) {
    assert.equal(creationTime({ SOURCE_DATE_EPOCH: value }, now), now.toISOString(), value);
  }
});

test('file capabilities lose the root that they were given by', () => {
  const words = (...numbers: number[]) => {
    const bytes = Buffer.alloc(numbers.length * 4);
    for (const [index, number] of numbers.entries()) bytes.writeUInt32LE(number >>> 0, index * 4);
    return bytes;
  };
  const revision2 = words(0x02000001, 0x400, 0, 0, 0);
  assert.deepEqual(portableCapabilities(revision2), revision2);
  assert.deepEqual(portableCapabilities(words(0x03000001, 0x400, 0, 0, 0, 0)), revision2);
  assert.equal(portableCapabilities(words(0x03000001, 0x400, 0, 0, 0, 1000)), undefined);
  for (const bad of [Buffer.alloc(0), words(0x01000001, 1, 0), words(0x03000001, 1), Buffer.from([1, 2, 3])]) {
    assert.equal(portableCapabilities(bad), undefined);
  }
});

test('other engines are told names that they can fetch from nowhere by mistake', () => {
  const names = {
    debian: 'localhost/debian:latest',
    'debian:12': 'localhost/debian:12',
    'team/app:1.0': 'localhost/team/app:1.0',
    'registry.example/app': 'registry.example/app:latest',
    'registry.example:5000/app:2': 'registry.example:5000/app:2',
    'docker.io/library/alpine:3.20': 'docker.io/library/alpine:3.20',
    [`docker.io/library/alpine@${digest('a')}`]: 'docker.io/library/alpine:latest',
    'localhost/mine': 'localhost/mine:latest',
  };
  for (const [name, expected] of Object.entries(names)) assert.equal(archiveName(name), expected, name);
  assert.equal(archiveName('Capitals'), undefined);
});

test('names of Pods are labels of DNS', () => {
  assert.equal(podName('My Container_1'), 'my-container-1');
  assert.equal(podName('---'), 'container');
  assert.equal(podName('ü'), 'container');
  assert.equal(podName(`${'a'.repeat(62)}-b`).length, 62);
});

test('strings are quoted when they could mean something else', () => {
  const values = [
    'plain',
    'true',
    'No',
    '1',
    '1e3',
    '',
    ' x',
    'a: b',
    '# c',
    '"q"',
    'two\nlines',
    '\u2028',
    '-',
    '~',
    '{x}',
    '\x7f',
  ];
  assert.equal(
    formatYaml({ list: values, map: { n: 1.5, b: true, missing: undefined }, maps: [{ a: 'x', b: ['y'] }] }),
    [
      'list:',
      ...values.map((value) =>
        value === 'plain'
          ? '  - plain'
          : `  - ${JSON.stringify(value).replace('\u2028', '\\u2028').replace('\x7f', '\\u007f')}`,
      ),
      'map:\n  n: 1.5\n  b: true\nmaps:\n  - a: x\n    b:\n      - "y"\n',
    ].join('\n'),
  );
});

const config = (more: Partial<oci.Config> = {}): oci.Config => ({
  ociVersion: '1.1.0',
  hostname: 'Glass.Box',
  root: { path: '/data/containers/x/rootfs', readonly: false },
  process: {
    args: ['/bin/sh', '-c', 'echo $(A) $(date)'],
    cwd: '/',
    env: ['A=1', 'EMPTY'],
    user: { uid: 0, gid: 0 },
    noNewPrivileges: true,
    capabilities: {
      bounding: ['CAP_CHOWN', 'CAP_NET_RAW'],
      effective: [],
      permitted: [],
      inheritable: [],
      ambient: [],
    },
  },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid'] },
    { destination: '/sys/fs/cgroup', type: 'cgroup2', source: 'cgroup', options: ['ro'] },
    { destination: '/etc/resolv.conf', type: 'bind', source: '/etc/resolv.conf', options: ['bind', 'ro', 'nofail'] },
    { destination: '/m', type: 'bind', source: '/src', options: ['ro', 'nosuid', 'nodev', 'rbind'] },
  ],
  linux: { namespaces: [{ type: 'pid' }], maskedPaths: [], readonlyPaths: [], resources: { memory: { limit: 1 } } },
  annotations: {},
  ...more,
});

test('a bundle has no path of this machine but those of mounts, and nothing of our own', () => {
  const { config: bundled, notes } = bundleConfig({ mounts: [{ destination: '/m', source: '/src' }] }, config());
  assert.deepEqual(bundled.root, { path: 'rootfs', readonly: false });
  assert.equal(bundled.mounts[1]?.type, 'cgroup');
  assert.deepEqual(bundled.mounts[2]?.options, ['bind', 'ro']);
  assert.deepEqual(bundled.mounts[3]?.options, ['rro', 'rnosuid', 'rnodev', 'rbind']);
  assert.deepEqual(bundled.linux.resources, { memory: { limit: 1 } });
  assert.match(notes.join('\n'), /--systemd-cgroup/);
  assert.ok(bundled.linux.seccomp !== undefined);
  assert.equal(notes.length, 2, notes.join('\n'));
  const unlimited = bundleConfig({ group: 'lab' }, config(), false);
  assert.equal(unlimited.config.linux.resources, undefined);
  assert.deepEqual(unlimited.notes, [
    'Limits are left out.',
    'The bundle is in no group: limits of the group lab are not in it.',
  ]);
  const joining = {
    namespaces: { uts: 'host', ipc: { container: 'db' } },
    network: { kind: 'process', pid: 7 },
  } as const;
  const told = bundleConfig(joining, config()).notes.join('\n');
  assert.match(told, /not joined \(ipc\)/);
  assert.match(told, /network of the process is not shared/);
  assert.equal(bundleConfig({ seccomp: 'unconfined' }, config()).config.linux.seccomp, undefined);
});

test('a Pod says what a container has, and what it cannot say', () => {
  const specification: ContainerSpecification = {
    network: { kind: 'host' },
    mounts: [
      { destination: '/m', source: '/src', options: ['ro'] },
      { destination: '/t', type: 'tmpfs' },
      { destination: '/q', type: 'mqueue', source: 'mqueue' },
    ],
  };
  const limits = { memory: { limit: 1048576, swap: 5 }, cpu: { quota: 25_000, period: 100_000 }, pids: { limit: 9 } };
  const complete = config();
  complete.linux.resources = limits;
  const { text, notes } = containerManifest({
    name: 'web',
    image: 'localhost/x:latest',
    specification,
    config: complete,
  });
  for (const line of [
    'hostNetwork: true',
    'hostname: glass-box',
    'image: "localhost/x:latest"',
    'memory: "1048576"',
    'cpu: "250m"',
    '- "echo $(A) $(date)"',
    'readOnly: true',
    'path: "/src"',
    'medium: Memory',
    '- "NET_RAW"',
    '- KILL',
  ]) {
    assert.ok(text.includes(line), `${line} in\n${text}`);
  }
  assert.match(notes.join('\n'), /9 processes/);
  assert.match(notes.join('\n'), /swap/);
  assert.match(notes.join('\n'), /mqueue/);
  assert.match(notes.join('\n'), /\$\(A\)/);
  assert.doesNotMatch(notes.join('\n'), /date/);
});

test('a pod becomes one Pod: ports stand once, a folder is one volume, names differ; what it cannot say is told', () => {
  const member = (name: string, specification: ContainerSpecification) => ({
    name,
    image: 'localhost/x:latest',
    specification,
    config: config({ linux: { namespaces: [], maskedPaths: [], readonlyPaths: [] } }),
  });
  const data = { destination: '/data', source: '/srv' };
  const facts = {
    name: 'Web',
    shares: ['network', 'ipc', 'pid'] as const,
    network: { kind: 'bridge', network: 'bay' } as const,
    ports: [{ hostPort: 8080, containerPort: 80 }],
    members: [
      member('a_1', { mounts: [data, { destination: '/t', type: 'tmpfs' }] }),
      member('a-1', { mounts: [data, { destination: '/t', type: 'tmpfs' }], namespaces: { pid: 'host' } }),
    ],
    isLimited: true,
  };
  const [alone] = facts.members.map((one) => containerManifest({ ...one, specification: { pod: 'Web' } }));
  assert.match(alone?.notes.join('\n') ?? '', /shares in the pod Web is left out/);
  const { text, notes } = podManifest(facts);
  const count = (line: string) => text.split('\n').filter((one) => one.trim() === line).length;
  const counts = {
    'name: web': 1,
    'shareProcessNamespace: true': 1,
    '- name: a-1': 1,
    '- name: a-1-2': 1,
    'containerPort: 80': 0,
    '- containerPort: 80': 1,
    'path: "/srv"': 1,
    'medium: Memory': 2,
    'mountPath: "/data"': 2,
  };
  for (const [line, times] of Object.entries(counts)) assert.equal(count(line), times, `${line} in\n${text}`);
  const told = notes.join('\n');
  assert.match(told, /network bay is left out/);
  assert.match(told, /share uts/);
  assert.match(told, /hostPID/);
  assert.match(told, /together/);
  assert.match(told, /^a_1: Kubernetes replaces \$\(A\)/m);
  assert.doesNotMatch(podManifest({ ...facts, network: { kind: 'host' } }).notes.join('\n'), /bay/);
});

test('the format of an export is told by its name', () => {
  const names = {
    'x.tar': 'tar',
    'x.oci.tar': 'oci-archive',
    'x-docker.tar': 'docker-archive',
    'p.yaml': 'kube',
    folder: 'bundle',
    'a.b/': 'bundle',
  };
  for (const [name, format] of Object.entries(names)) assert.equal(formatOf(name), format, name);
  assert.throws(() => formatOf('x.tar.gz'), /compress/i);
});

test('a change is a letter, a path and what is different', () => {
  const lines = (
    [
      [{ path: '/a', kind: 'added', entry: 'file', sizeBytes: 5 }, 'A /a'],
      [{ path: '/d', kind: 'deleted', entry: 'directory', sizeBytes: 2048 }, 'D /d/ (2 KiB)'],
      [
        { path: '/m', kind: 'modified', entry: 'file', what: ['content', 'mode'], sizeBytes: 1 },
        'M /m (content, mode)',
      ],
      [{ path: '/n', kind: 'renamed', entry: 'file', from: '/o', sizeBytes: 1 }, 'R /n (from /o)'],
      [{ path: '/', kind: 'modified', entry: 'directory', what: ['mode'], sizeBytes: 0 }, 'M / (mode)'],
    ] as const
  ).map(([change, line]) => [
    describeChange({ ...change, ...('what' in change ? { what: [...change.what] } : {}) } as never),
    line,
  ]);
  for (const [actual, expected] of lines) assert.equal(actual, expected);
});

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import type { Config } from '../../../helper/protocol/oci.js';
import { Bed } from '../support/bed.js';
import { importRoot } from './trees.js';

const bed = new Bed();
const script = `id -u; hostname; cat /etc/new; grep -E '^(Seccomp|CapBnd|NoNewPrivs):' /proc/self/status
  ls /proc | grep -c '^[0-9]'; grep ' /host-dev' /proc/self/mountinfo | grep -vc ' ro,'; touch /written && echo written; echo "$GREETING"; pwd`;

let made: Promise<{ bundle: string; notes: string[] }> | undefined;
/** A bundle of a container with a change. */
function prepared() {
  made ??= prepare();
  return made;
}

async function prepare() {
  const root = { kind: 'image', name: await importRoot(bed, 'base') } as const;
  const { id } = await bed.up({
    root,
    name: 'bundled',
    hostname: 'glass',
    cwd: '/etc',
    env: ['GREETING=hello'],
    mounts: [{ source: '/dev', destination: '/host-dev', options: ['ro'] }],
    args: ['/bin/sh', '-c', `test -f /etc/new || exec sleep 1000; ${script}`],
  });
  await bed.exec(id, 'echo new > /etc/new');
  const bundle = path.join(bed.home.data, 'bundle');
  const source = { kind: 'container', container: id } as const;
  const { notes } = await bed.helper.request(protocol.ExportImage, { source, format: 'bundle', destination: bundle });
  return { bundle, notes };
}

const isInstalled = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** What each runtime has to make of it. */
function check(output: string): void {
  const lines = output.trim().split('\n');
  assert.deepEqual(lines.slice(0, 3), ['0', 'glass', 'new']);
  assert.match(output, /^CapBnd:\t00000000800405fb$/m);
  assert.match(output, /^NoNewPrivs:\t1$/m);
  assert.match(output, /^Seccomp:\t2$/m);
  assert.deepEqual(lines.slice(-3), ['written', 'hello', '/etc']);
  const processes = Number(lines[6]);
  assert.ok(processes > 0 && processes < 10, `${processes} processes are seen`);
  assert.equal(lines[7], '0', 'of a read-only folder nothing below is left writable');
}

test('a bundle is config.json and rootfs, with owners as they are mapped', async () => {
  const { bundle, notes } = await prepared();
  const config = JSON.parse(readFileSync(path.join(bundle, 'config.json'), 'utf8')) as Config;
  assert.deepEqual(config.root, { path: 'rootfs', readonly: false });
  assert.equal(config.linux.uidMappings?.[0]?.hostID, process.getuid?.());
  assert.equal(statSync(path.join(bundle, 'rootfs/etc/new')).uid, process.getuid?.());
  assert.equal(config.linux.resources, undefined);
  assert.deepEqual(notes, ['Folders of this machine are mounted as before: /dev.']);
});

test('runc runs it unmodified', async (t) => {
  if (!isInstalled('runc')) return t.skip('runc is not installed');
  const { bundle } = await prepared();
  const state = path.join(bed.home.folder, 'runc');
  mkdirSync(state);
  const { stdout, stderr, status } = spawnSync('runc', ['--root', state, 'run', 'from-bundle'], {
    cwd: bundle,
    encoding: 'utf8',
    env: bed.home.environment,
  });
  assert.equal(status, 0, stderr);
  check(stdout);
});

test('crun runs it unmodified', async (t) => {
  if (!isInstalled('crun')) return t.skip('crun is not installed');
  const { bundle } = await prepared();
  const state = path.join(bed.home.folder, 'crun');
  mkdirSync(state);
  const ids = (file: string) =>
    execFileSync('sh', ['-c', `grep "^$(id -un):\\|^$(id -u):" ${file} || true`], { encoding: 'utf8' });
  const range = /:(\d+):(\d+)/.exec(ids('/etc/subuid'));
  const own = [`--map-user=${process.getuid?.()}`, `--map-group=${process.getgid?.()}`];
  const more =
    range === null ? [] : ['users', 'groups'].map((kind) => `--map-${kind}=${range[1]},${range[1]},${range[2]}`);
  // crun refuses a machine with both versions of cgroups (1.8.1): here it sees only version 2, in namespaces around it.
  const around = ['--user', ...own, ...more, '--keep-caps', '--mount', '--cgroup', 'sh', '-c'];
  const command = `mount -t cgroup2 none /sys/fs/cgroup && exec crun --root ${state} run from-bundle`;
  const { stdout, stderr, status } = spawnSync('unshare', [...around, command], {
    cwd: bundle,
    encoding: 'utf8',
    env: bed.home.environment,
  });
  assert.equal(status, 0, stderr);
  check(stdout);
});

test('a bundle of an image has every default, and says what is different', async () => {
  await prepared();
  const destination = path.join(bed.home.data, 'image-bundle');
  const source = { kind: 'image', name: 'base' } as const;
  const exported = await bed.helper.request(protocol.ExportImage, { source, format: 'bundle', destination });
  assert.match(exported.notes.join(' '), /no command of its own/);
  const config = JSON.parse(readFileSync(path.join(destination, 'config.json'), 'utf8')) as Config;
  assert.deepEqual(config.process.args, ['/bin/sh']);
  assert.equal(config.linux.maskedPaths.includes('/proc/kcore'), true);
});

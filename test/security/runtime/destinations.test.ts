/** Where mounts and files of ours land when the image, or another container, lays links for them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { PROC_SUPER_MAGIC } from '../../../helper/plan/constants.js';
import type { Step } from '../../../helper/plan/step.js';
import {
  type ContainerSpecification,
  ReadLedger,
  RemoveContainer,
  type TerrariumError,
} from '../../../helper/protocol/index.js';
import { defaultMaskedPaths } from '../../../helper/specification/complete.js';
import { container as handMadePlan } from '../../kernel/stage/plan.js';
import { busyboxRoot } from '../../kernel/stage/zygote.js';
import { Canary } from './canary.js';
import { perl, results, systemCall } from './perl.js';
import { makeFolders, Product, until, workFolder } from './product.js';

const { ELOOP, EXDEV, ENODEV } = constants.errno;

interface Field {
  folder: string;
  root: string;
  canary: Canary;
}

/** A root to set traps in, and a canary that nothing leads to but the traps. */
function field(t: TestContext): Field {
  const folder = workFolder(t);
  makeFolders(folder, 'outside');
  return { folder, root: busyboxRoot(folder), canary: new Canary(path.join(folder, 'outside')) };
}

const directory = (root: string, more: ContainerSpecification = {}): ContainerSpecification => ({
  root: { kind: 'directory', path: root },
  args: ['/bin/true'],
  ...more,
});

/** Puts a link in the place of what is there. */
function trap(root: string, name: string, target: string): void {
  rmSync(path.join(root, name), { recursive: true, force: true });
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  symlinkSync(target, path.join(root, name));
}

/** Steps of a runtime that joins paths: nothing is resolved inside the root. */
const naive = (root: string, ...names: string[]): Step[] =>
  names.map((name) => ({ kind: 'makeDirectory', path: path.join(root, name), mode: 0o755 }));

for (const name of ['proc', 'sys', 'dev']) {
  test(`CVE-2019-16884 and its like: a root whose /${name} is a link is refused`, async (t) => {
    const product = await Product.start(t);
    for (const target of ['absolute', 'relative', 'inside']) {
      const { root, canary } = field(t);
      makeFolders(root, 'elsewhere');
      const to = { absolute: canary.folder, relative: `../../../../../../..${canary.folder}`, inside: 'elsewhere' };
      trap(root, name, to[target as keyof typeof to]);
      const before = canary.look();
      await assert.rejects(product.run(directory(root)), (error: TerrariumError) => {
        assert.match(error.message, new RegExp(`mount /${name} failed with E(LOOP|NOTDIR)`));
        assert.ok(error.data?.cause !== undefined || error.data?.fix !== undefined, 'it says why or what to do');
        return true;
      });
      assert.equal(canary.look(), before, target);
      if (target === 'inside') continue;
      await product.send(naive(root, `${name}/made`));
      assert.notEqual(canary.look(), before, `control: a naive runtime follows the ${target} link`);
    }
  });
}

test('links below /dev, and for what we make there, lead nowhere', async (t) => {
  const product = await Product.start(t);
  const { root, canary } = field(t);
  for (const name of ['dev/null', 'dev/pts', 'dev/ptmx', 'dev/console', 'dev/shm', 'dev/mqueue', 'dev/fd']) {
    trap(root, name, canary.folder);
  }
  trap(root, 'etc/resolv.conf', path.join(canary.folder, 'resolv.conf'));
  const before = canary.look();
  const args = ['/bin/sh', '-c', 'tty; stat -c %t:%T /dev/null'];
  const { output, exitCode } = await product.run(directory(root, { args, terminal: true, network: { kind: 'host' } }));
  assert.deepEqual([output, exitCode], ['/dev/pts/0\r\n1:3\r\n', 0]);
  assert.equal(canary.look(), before);
  await product.send([
    { kind: 'makeFile', path: path.join(root, 'etc/resolv.conf/made'), mode: 0o644, tolerate: 'any' },
  ]);
  await product.send(naive(root, 'dev/pts/made'));
  assert.notEqual(canary.look(), before, 'control');
});

test('destinations of mounts through links of the image stay inside', async (t) => {
  const product = await Product.start(t);
  const { root, canary, folder } = field(t);
  trap(root, 'data', canary.folder);
  trap(root, 'up', '../../../../../../../..');
  trap(root, 'loop', 'loop');
  makeFolders(folder, 'shared');
  const before = canary.look();
  const mounts = ['/data/made/deep', `/up${canary.folder}/made`, '/up/data/../made'].map((destination) => ({
    source: path.join(folder, 'shared'),
    destination,
  }));
  await product.run(directory(root, { mounts }));
  await product.run(directory(root, { mounts: mounts.map(({ destination }) => ({ destination, type: 'tmpfs' })) }));
  await assert.rejects(product.run(directory(root, { mounts: [{ source: folder, destination: '/loop/x' }] })), /ELOOP/);
  assert.equal(canary.look(), before);
  await product.send(naive(root, 'data/made'));
  assert.notEqual(canary.look(), before, 'control');
});

/** Exchanges `x` and `link` in a folder without end. */
async function startFlipper(folder: string) {
  const flip = `my ($x, $link) = ('x', 'link'); syscall(${systemCall('renameat2')}, -100, $x, -100, $link, 2) == 0 or die $! while 1;`;
  const flipper = spawn('/usr/bin/perl', ['-e', flip], { cwd: folder, stdio: 'ignore' });
  await once(flipper, 'spawn');
  return flipper;
}

test('whoever renames in a loop hinders no start whose paths have `..` in them', async (t) => {
  const product = await Product.start(t);
  const { root, folder } = field(t);
  makeFolders(root, 'data');
  // As relative links of images go, and some more.
  trap(root, 'up', 'data/../data/../data/../data/../data');
  const flippers = [];
  for (const name of ['one', 'two', 'three']) {
    makeFolders(folder, `${name}/x`, `${name}/link`);
    flippers.push(await startFlipper(path.join(folder, name)));
  }
  try {
    let races = 0;
    // On a busy machine those who rename may not have their turn while a path is looked up.
    for (let i = 0; i < 15 || (races === 0 && i < 200); i++) {
      const { id } = await product.run(directory(root, { mounts: [{ destination: '/up/made', type: 'tmpfs' }] }));
      const { steps } = await product.client.sendRequest(ReadLedger, { container: id });
      races += steps.flatMap(({ calls }) => calls).filter(({ errnoName }) => errnoName === 'EAGAIN').length;
      await product.client.sendRequest(RemoveContainer, { container: id, force: true });
    }
    assert.ok(races > 0, 'control: the kernel did see races');
  } finally {
    for (const flipper of flippers) flipper.kill('SIGKILL');
  }
});

test('CVE-2021-30465, CVE-2024-45310: a destination that is flipped during 300 starts', async (t) => {
  const product = await Product.start(t);
  const { root, canary, folder } = field(t);
  makeFolders(folder, 'shared/x', 'source');
  writeFileSync(path.join(folder, 'source/file'), '');
  symlinkSync(canary.folder, path.join(folder, 'shared/link'));
  // The flipper exchanges a folder and a link to the canary, as another container that shares the volume would.
  const flipper = await startFlipper(path.join(folder, 'shared'));
  const before = canary.look();
  const counts = { started: 0, refused: 0 };
  try {
    const specification = directory(root, {
      mounts: [
        { source: path.join(folder, 'shared'), destination: '/vol' },
        { destination: '/vol/x/tmp', type: 'tmpfs' },
        { source: path.join(folder, 'source'), destination: '/vol/x/made/bound' },
        { source: path.join(folder, 'source/file'), destination: '/vol/x/file-made' },
      ],
    });
    for (let i = 0; i < 300; i++) {
      try {
        const { id } = await product.run(specification);
        counts.started++;
        await product.client.sendRequest(RemoveContainer, { container: id, force: true });
      } catch (error) {
        assert.match(String(error), /bind|mount/, String(error));
        counts.refused++;
      }
    }
    assert.equal(canary.look(), before);
    assert.equal(flipper.exitCode, null, 'control: it flipped to the end');
    assert.ok(counts.started > 0, JSON.stringify(counts));
    // Control: the same destinations, found by joining paths.
    await until('a naive runtime is fooled', async () => {
      await product.send(naive(path.join(folder, 'shared'), 'x/fooled').map((step) => ({ ...step, tolerate: 'any' })));
      return canary.look() !== before;
    });
  } finally {
    flipper.kill('SIGKILL');
  }
});

/** Prints `PATH MAJOR:MINOR` for files, `PATH empty` or `PATH full` for folders. */
const lookAtMasks = `for my $path (@ARGV) { my @s = stat $path or next;
  if (-d _) { opendir my $d, $path or next; my @n = grep !/^\\.\\.?$/, readdir $d; print "$path ", (@n ? 'full' : 'empty'), "\\n"; }
  else { print "$path ", (-c _ ? ($s[6] >> 8) . ':' . ($s[6] & 255) : 'file'), "\\n"; } }`;

test('CVE-2025-31133: what is masked is the null device or an empty folder, whatever the image puts at /dev/null', async (t) => {
  const product = await Product.start(t);
  const args = perl(lookAtMasks, ...defaultMaskedPaths);
  const masked = results((await product.run({ args })).output);
  assert.ok(masked.size > 1, 'there is something to mask');
  for (const [file, is] of masked) assert.match(is, /^(1:3|empty)$/, file);
  const bare = results((await product.run({ args, maskedPaths: [] })).output);
  assert.ok(
    [...bare.values()].some((is) => !/^(1:3|empty)$/.test(is)),
    'control: without masks they are not',
  );

  // An image that brings its own: a plain file where /dev/null is, and no /dev of ours over it.
  const { root, folder } = field(t);
  writeFileSync(path.join(root, 'dev/null'), 'forged');
  const plan = handMadePlan({
    folder: path.join(folder, 'c'),
    lower: root,
    mapping: 'single',
    args: ['/bin/stat', '-c', '%t:%T', '/proc/keys', '/proc/interrupts'],
  }).filter((step) => !('destination' in step && step.destination.startsWith('/dev')) && step.kind !== 'symlink');
  const answer = await product.send(plan);
  assert.equal(answer.status, 'running');
  const output = path.join(folder, 'c/monitor/output');
  await until('it ended', () => readFileSync(output).includes('1:3\n1:3\n'));
});

test('CVE-2025-52565: a terminal comes from devpts or not at all', async (t) => {
  const product = await Product.start(t);
  for (const what of ['file', 'link', 'terminal']) {
    const { root, folder, canary } = field(t);
    makeFolders(root, 'dev/pts');
    if (what === 'file') writeFileSync(path.join(root, 'dev/pts/ptmx'), '');
    else trap(root, 'dev/pts/ptmx', what === 'link' ? path.join(canary.folder, 'file') : '/dev/null');
    const before = canary.look();
    const whole = handMadePlan({ folder: path.join(folder, 'c'), lower: root, mapping: 'single', terminal: true });
    const answer = await product.send(
      whole.filter(
        (step) => !(step.kind === 'mount' && step.destination.startsWith('/dev')) && step.kind !== 'symlink',
      ),
    );
    assert.equal(answer.status, 'failed', what);
    assert.ok([EXDEV, ENODEV, ELOOP, constants.errno.ENOENT].includes(answer.errno), `${what}: errno ${answer.errno}`);
    assert.equal(canary.look(), before);
    const control = await product.send(
      handMadePlan({
        folder: path.join(folder, 'd'),
        lower: root,
        mapping: 'single',
        terminal: true,
        args: ['/bin/tty'],
      }),
    );
    assert.equal(control.status, 'running', 'control: with devpts there is one');
  }
});

test('CVE-2025-52881: what is meant for procfs is written nowhere else', async (t) => {
  const product = await Product.start(t);
  const { root, folder } = field(t);
  makeFolders(root, 'proc/sys/kernel');
  const write = (magic: number): Step[] => [
    { kind: 'makeFile', path: '/proc/sys/kernel/hostname', mode: 0o644 },
    { kind: 'writeFile', path: '/proc/sys/kernel/hostname', data: 'redirected', magic },
  ];
  const send = (name: string, magic: number) =>
    product.send(
      handMadePlan({
        folder: path.join(folder, name),
        lower: root,
        mapping: 'single',
        args: ['/bin/true'],
        early: write(magic),
      }),
    );
  const refused = await send('refused', PROC_SUPER_MAGIC);
  assert.deepEqual([refused.status, refused.errno], ['failed', EXDEV]);
  const file = (name: string) => readFileSync(path.join(folder, name, 'upper/proc/sys/kernel/hostname'), 'utf8');
  assert.equal(file('refused'), '');
  assert.equal((await send('control', 0)).status, 'running');
  assert.equal(file('control'), 'redirected', 'control: without the check it is written');
});

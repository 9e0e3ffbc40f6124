import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { TestHelper } from '../support/helper.js';
import { makeHome, removeHome } from '../support/home.js';
import { makeBusyboxRoot, packRoot } from '../support/root.js';

const bed = new Bed();
const { ErrorCode } = protocol;

/** What there is of containers, images and sockets: equal before and after what must leave nothing half made. */
async function everything(helper: TestHelper): Promise<unknown> {
  const [containers, images] = [await helper.ask(protocol.ListContainers), await helper.ask(protocol.ListImages)];
  const files = ['containers', 'names', 'images/ingest'].flatMap((name) => {
    const folder = path.join(bed.home.data, name);
    return existsSync(folder) ? readdirSync(folder) : [];
  });
  return {
    containers,
    images,
    files: files.sort(),
    sockets: readdirSync(bed.home.runtime)
      .filter((name) => !name.startsWith('zygote'))
      .sort(),
  };
}

/** The work fails as expected, and leaves everything as it was. */
async function refuses(work: () => Promise<unknown>, expected: Parameters<typeof fails>[1]): Promise<void> {
  const before = await everything(bed.helper);
  const error = await fails(work(), expected);
  assert.ok(error.data?.cause !== undefined || error.data?.fix !== undefined, `a cause or a remedy: ${error.message}`);
  assert.deepEqual(await everything(bed.helper), before);
}

const run = (specification: unknown) => () =>
  bed.helper.request(protocol.RunContainer, { specification: specification as protocol.ContainerSpecification });

test('roots that are none: missing, a file, empty, without the command', async () => {
  const folder = path.join(bed.home.folder, 'roots');
  mkdirSync(path.join(folder, 'empty'), { recursive: true });
  writeFileSync(path.join(folder, 'file'), '');
  const root = (name: string) => ({ root: { kind: 'directory', path: path.join(folder, name) } });
  await refuses(run(root('missing')), { code: ErrorCode.BadInput, message: /missing/, fix: /folder/ });
  await refuses(run(root('file')), { code: ErrorCode.BadInput, message: /not a folder/, fix: /import/ });
  await refuses(run(root('empty')), { code: ErrorCode.BadInput, message: /empty/, fix: /import/ });
  await refuses(run({ root: { kind: 'image', name: 'nosuch' } }), {
    code: ErrorCode.NotFound,
    message: /nosuch/,
    fix: /./,
  });
  await refuses(run({ root: { kind: 'directory', path: '/etc' }, args: ['/bin/sh'] }), {
    code: ErrorCode.StepFailed,
    message: /./,
    fix: /./,
  });
});

test('specifications that make no sense are refused, each field by its name', async () => {
  const wrong: readonly [object, RegExp][] = [
    [{ resources: { memory: { limit: -2 } } }, /resources\.memory\.limit/],
    [{ resources: { memory: { limit: '100M' } } }, /resources\.memory\.limit/],
    [{ resources: { cpu: { quota: 0.5 } } }, /resources\.cpu\.quota/],
    [{ resources: { pids: { limit: 1e99 } } }, /resources\.pids\.limit/],
    [{ rlimits: [{ type: 'RLIMIT_NOFILE', soft: 5, hard: 4 }] }, /rlimits\.0: .*soft/],
    [{ rlimits: [{ type: 'RLIMIT_NONE', soft: 1, hard: 1 }] }, /rlimits\.0\.type/],
    [{ hostname: 'a b' }, /hostname/],
    [{ args: ['a\0b'] }, /args\.0/],
    [{ env: ['novalue'] }, /env\.0/],
    [{ cwd: 'relative' }, /cwd/],
    [{ mounts: [{ source: '/etc', destination: 'relative' }] }, /mounts\.0\.destination/],
    [{ capabilities: { add: ['CAP_NOSUCH'] } }, /CAP_NOSUCH/],
    [{ namespaces: { user: 'host' } }, /namespaces\.user: .*CAP_SYS_ADMIN/],
    [{ nosuch: 1 }, /nosuch/],
    [{ root: { kind: 'directory', path: 'relative' } }, /root\.path/],
  ];
  for (const [specification, message] of wrong) {
    await refuses(run({ root: bed.root, ...specification }), { code: ErrorCode.Invalid, message });
  }
});

test('archives that are none: unreadable, truncated, something else', async () => {
  const importing = (file: string) => () => bed.helper.request(protocol.ImportImage, { file, name: 'broken' });
  const file = (name: string) => path.join(bed.home.folder, name);
  await refuses(importing(file('nosuch.tar')), { code: ErrorCode.BadInput, message: /nosuch/, fix: /./ });
  await refuses(importing(bed.rootFolder), { code: ErrorCode.BadInput, message: /./, fix: /./ });
  writeFileSync(file('text.tar'), 'this is no archive'.repeat(1000));
  await refuses(importing(file('text.tar')), { code: ErrorCode.BadInput, message: /./, fix: /./ });
  for (const compression of ['plain', 'gzip', 'xz', 'zstd'] as const) {
    const archive = packRoot(bed.rootFolder, file(`cut-${compression}`), compression);
    truncateSync(archive, Math.floor(readFileSync(archive).length / 2));
    await refuses(importing(archive), { code: ErrorCode.BadInput, message: /./, fix: /./ });
  }
  // Root may read every file.
  if (process.getuid?.() === 0) return;
  writeFileSync(file('secret.tar'), '', { mode: 0o000 });
  await refuses(importing(file('secret.tar')), { code: ErrorCode.BadInput, message: /./, fix: /./ });
});

test('an image name that is taken, or none', async () => {
  const file = packRoot(bed.rootFolder, path.join(bed.home.folder, 'good.tar'), 'plain');
  await bed.helper.request(protocol.ImportImage, { file, name: 'taken' });
  await refuses(() => bed.helper.request(protocol.ImportImage, { file, name: 'taken' }), {
    code: ErrorCode.NameTaken,
    message: /taken/,
    fix: /./,
  });
  await refuses(() => bed.helper.request(protocol.ImportImage, { file, name: '../up' }), {
    code: ErrorCode.Invalid,
    message: /name/,
  });
  await refuses(() => bed.helper.request(protocol.RemoveImage, { name: 'nosuch' }), {
    code: ErrorCode.NotFound,
    message: /nosuch/,
    fix: /./,
  });
});

test('an image stays while there is a container of it', async () => {
  const file = packRoot(bed.rootFolder, path.join(bed.home.folder, 'gone.tar'), 'plain');
  await bed.helper.request(protocol.ImportImage, { file, name: 'gone' });
  const { id } = await bed.up({ root: { kind: 'image', name: 'gone' } });
  const { images, kept } = await bed.helper.request(protocol.RemoveImage, { name: 'gone' });
  assert.deepEqual([images, kept.map(({ name }) => name)], [[], ['gone']]);
  await bed.helper.request(protocol.RestartContainer, { container: id });
  assert.equal((await bed.exec(id, 'wc -l < /etc/passwd')).stdout, '3\n');
});

test('an import that is cancelled leaves nothing behind', async () => {
  const file = path.join(bed.home.folder, 'large.tar');
  writeFileSync(path.join(bed.home.folder, 'zeros'), Buffer.alloc(32 * 1024 * 1024, 7));
  execFileSync('tar', ['-C', bed.home.folder, '-cf', file, 'zeros', 'root-fs']);
  const before = await everything(bed.helper);
  const { CancellationTokenSource } = await import('vscode-jsonrpc/node');
  const cancel = new CancellationTokenSource();
  const progress = bed.helper.connection.onProgress(protocol.ImageProgressType, 'cancel', () => cancel.cancel());
  const params = { file, name: 'large', progress: 'cancel' };
  await assert.rejects(
    bed.helper.connection.sendRequest(protocol.ImportImage, params, cancel.token),
    ({ code }: { code: number }) => code === -32800,
  );
  progress.dispose();
  assert.deepEqual(await everything(bed.helper), before);
});

/** A helper of a home of its own, started through a wrapper; what was made of it is removed after the test. */
async function startWrapped(
  t: TestContext,
  wrapper: readonly string[],
): Promise<{ helper: TestHelper; root: protocol.RootSource }> {
  const home = makeHome();
  const root: protocol.RootSource = { kind: 'directory', path: makeBusyboxRoot(home.folder) };
  const helper = await TestHelper.start(home, wrapper);
  t.after(async () => {
    await helper.stop();
    await removeHome(home);
  });
  return { helper, root };
}

test('no user namespaces: it is told why and what to do, and it is not about a disk', async (t) => {
  const script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
  const wrapper = ['unshare', '--user', '--map-root-user', 'sh', '-c', script, 'sh'];
  const { helper, root } = await startWrapped(t, wrapper);
  const error = await fails(helper.run({ root }), {
    code: ErrorCode.Unavailable,
    message: /namespace/,
    fix: /max_user_namespaces/,
  });
  assert.match(error.data?.cause ?? '', /not about disk space/);
  assert.match(error.data?.command ?? '', /sysctl/);
  assert.deepEqual(await helper.ask(protocol.ListContainers), []);
});

test('no /proc can be mounted, as inside another container: it is told why and what to do', async (t) => {
  // A proc with something mounted over a part of it is what container engines leave: the kernel then refuses new ones.
  const script = 'mount -t proc proc /proc && mount -t tmpfs -o ro none /proc/sys/kernel && exec "$@"';
  const wrapper = [
    'unshare',
    '--user',
    '--map-root-user',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    'sh',
    '-c',
    script,
    'sh',
  ];
  const probe = spawnSync('unshare', [
    ...wrapper.slice(1),
    'unshare',
    '--user',
    '--map-root-user',
    '--mount',
    '--pid',
    '--fork',
    'mount',
    '-t',
    'proc',
    'proc',
    '/proc',
  ]);
  assert.notEqual(probe.status, 0, 'the control: the kernel refuses');
  const { helper, root } = await startWrapped(t, wrapper);
  const error = await fails(helper.run({ root }), { code: ErrorCode.StepFailed, message: /\/proc/, fix: /./ });
  assert.deepEqual([error.data?.step, error.data?.errno], ['mount', 'EPERM']);
  assert.deepEqual(await helper.ask(protocol.ListContainers), []);
});

test('a full disk: one clear message, and nothing half made', async (t) => {
  // A small tmpfs in the place of the data, full but for a few pages, in a mount namespace of its own.
  const home = makeHome();
  t.after(() => removeHome(home));
  const root: protocol.RootSource = { kind: 'directory', path: makeBusyboxRoot(home.folder) };
  const script =
    'mount -t tmpfs -o size=64k,mode=700 none "$XDG_DATA_HOME" && mkdir -p "$XDG_DATA_HOME/terrarium/containers" "$XDG_DATA_HOME/terrarium/names" && ' +
    '{ dd if=/dev/zero of="$XDG_DATA_HOME/ballast" bs=4k 2>/dev/null; exec "$@"; }';
  const wrapper = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh'];
  const helper = await TestHelper.start(home, wrapper);
  t.after(() => helper.stop());
  const error = await fails(helper.run({ root }), {
    code: ErrorCode.Unavailable,
    message: /ENOSPC|space|full/,
    fix: /room|Remove/,
  });
  assert.equal(error.data?.errno, 'ENOSPC');
  assert.deepEqual(await helper.ask(protocol.ListContainers), []);
});

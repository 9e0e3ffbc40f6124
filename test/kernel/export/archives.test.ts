import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { changeScript, everything, importRoot } from './trees.js';

const bed = new Bed();
const out = mkdtempSync(path.join(tmpdir(), 'e-'));
after(() => rmSync(out, { recursive: true, force: true }));

let made: Promise<string> | undefined;
/** A container on an image, with changes of each kind. */
function container(): Promise<string> {
  made ??= makeContainer();
  return made;
}

async function makeContainer(): Promise<string> {
  const root = { kind: 'image', name: await importRoot(bed, 'base') } as const;
  const { id } = await bed.up({ root, name: 'changed', mounts: [{ destination: '/mnt/tmp', type: 'tmpfs' }] });
  const { exitCode, stderr } = await bed.exec(id, `${changeScript}; echo hidden > /mnt/tmp/hidden`);
  assert.equal(exitCode, 0, stderr);
  return id;
}

async function exportTo(name: string, format: protocol.ExportFormat, named?: protocol.ExportSource) {
  const source = named ?? { kind: 'container', container: await container() };
  const destination = path.join(out, name);
  const exported = await bed.helper.request(protocol.ExportImage, { source, format, destination });
  assert.equal(exported.path, destination);
  return exported;
}

const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8', cwd: out });
const isInstalled = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
const withoutMount = (tree: string) => tree.replaceAll(/^\.\/mnt.*\n/gm, '');

test('a tar that is imported again is the same tree, and gives the same tar', async () => {
  const { sizeBytes } = await exportTo('root.tar', 'tar');
  const file = path.join(out, 'root.tar');
  assert.equal(sizeBytes, statSync(file).size);
  const seen = withoutMount((await bed.exec(await container(), everything)).stdout);
  await bed.helper.request(protocol.ImportImage, { file, name: 'again' });
  assert.equal(await bed.shell(everything, { root: { kind: 'image', name: 'again' } }), seen);
  await exportTo('again.tar', 'tar', { kind: 'image', name: 'again' });
  assert.ok(readFileSync(path.join(out, 'again.tar')).equals(readFileSync(file)));
  assert.ok(!run('tar', '-tf', 'root.tar').includes('mnt'), 'what the start made, and what is mounted, is not in it');
});

test('GNU tar reads it, with modes, links, times and names', async () => {
  await exportTo('gnu.tar', 'tar');
  const listing = run('tar', '--numeric-owner', '--full-time', '-tvf', 'gnu.tar');
  assert.match(listing, /^-rwsr-xr-x 0\/0 +\d+ .* bin\/busybox$/m);
  assert.match(listing, /^lrwxrwxrwx 0\/0 +0 .* srv\/link -> deep\/er\/file$/m);
  assert.match(listing, /^hrw-r--r-- 0\/0 +0 .* srv\/deep\/er\/file link to srv\/again$/m);
  assert.match(listing, /^prw-r--r-- 0\/0 +0 .* srv\/pipe$/m);
  assert.match(listing, /1999-12-31 23:59:59\s+srv\/old$/m);
  assert.match(listing, /srv\/müll \\033 name$/m);
});

for (const format of ['oci-archive', 'docker-archive'] as const) {
  test(`skopeo accepts an ${format}`, async (t) => {
    if (!isInstalled('skopeo')) return t.skip('skopeo is not installed');
    const name = `skopeo.${format}.tar`;
    await exportTo(name, format);
    const { Layers } = JSON.parse(run('skopeo', 'inspect', `${format}:${name}`)) as { Layers: string[] };
    assert.equal(Layers.length, 2);
    // It checks each digest on the way.
    run('skopeo', '--insecure-policy', 'copy', '--quiet', `${format}:${name}`, `dir:${format}.dir`);
    assert.ok(existsSync(path.join(out, `${format}.dir`, 'manifest.json')));
  });

  test(`an image in an ${format} that is imported again is the same`, async () => {
    const file = path.join(out, `image.${format}.tar`);
    await exportTo(path.basename(file), format);
    const image = await bed.helper.request(protocol.ImportImage, { file, name: `from-${format}` });
    assert.match(image.digest, /^sha256:/);
    const seen = withoutMount((await bed.exec(await container(), everything)).stdout);
    assert.equal(await bed.shell(everything, { root: { kind: 'image', name: image.name } }), seen);
  });

  test(`podman loads a ${format}`, async (t) => {
    if (!isInstalled('podman')) return t.skip('podman is not installed');
    const name = `podman.${format}.tar`;
    await exportTo(name, format);
    const folders = ['--root', `${out}/storage`, '--runroot', `${out}/run`, '--storage-driver', 'vfs'];
    const podman = spawnSync('podman', [...folders, 'load', '--quiet', '--input', name], {
      cwd: out,
      encoding: 'utf8',
      env: { ...bed.home.environment, HOME: bed.home.folder, TMPDIR: out },
    });
    if (
      /newuidmap|subuid|cannot (?:set up|clone)|user namespace|insufficient UIDs/.test(podman.stderr) &&
      podman.status !== 0
    ) {
      return t.skip(`podman needs a range of subordinate ids: ${podman.stderr.trim().split('\n').at(-1)}`);
    }
    assert.equal(podman.status, 0, podman.stderr);
    assert.match(podman.stdout, /localhost\/changed:latest/);
  });
}

test('umoci unpacks what is in an OCI archive to the same files', async (t) => {
  if (!isInstalled('umoci')) return t.skip('umoci is not installed');
  await exportTo('umoci.tar', 'oci-archive');
  mkdirSync(path.join(out, 'layout'));
  run('tar', '-C', 'layout', '-xf', 'umoci.tar');
  const index = JSON.parse(readFileSync(path.join(out, 'layout/index.json'), 'utf8')) as {
    manifests: { annotations: Record<string, string> }[];
  };
  const reference = index.manifests[0]?.annotations['org.opencontainers.image.ref.name'];
  assert.equal(reference, 'localhost/changed:latest');
  // umoci takes no name with a colon: the same image under another.
  run('skopeo', '--insecure-policy', 'copy', '--quiet', 'oci-archive:umoci.tar', 'oci:plain:it');
  run('umoci', 'unpack', '--rootless', '--image', 'plain:it', 'unpacked');
  const rootfs = path.join(out, 'unpacked/rootfs');
  assert.equal(readFileSync(path.join(rootfs, 'srv/again'), 'utf8'), '12345\n');
  assert.equal(statSync(path.join(rootfs, 'srv/again')).ino, statSync(path.join(rootfs, 'srv/deep/er/file')).ino);
  assert.deepEqual(readdirSync(path.join(rootfs, 'root')), ['new']);
  assert.deepEqual(readdirSync(path.join(rootfs, 'home')), []);
  assert.deepEqual(readdirSync(path.join(rootfs, 'bin/vi')), ['inside']);
});

test('an image is exported as it is, to the byte', async () => {
  const { digest } = await bed.helper.request(protocol.InspectImage, { name: 'base' }).then(({ summary }) => summary);
  await exportTo('base.oci.tar', 'oci-archive', { kind: 'image', name: 'base' });
  assert.ok(run('tar', '-tf', 'base.oci.tar').includes(`blobs/sha256/${digest.slice('sha256:'.length)}\n`));
  await exportTo('base2.oci.tar', 'oci-archive', { kind: 'image', name: 'base' });
  assert.ok(readFileSync(path.join(out, 'base.oci.tar')).equals(readFileSync(path.join(out, 'base2.oci.tar'))));
});

test("of a container on this machine's own root only the changes are exported", async () => {
  const { id } = await bed.helper.run({ args: [] });
  await bed.exec(id, 'echo new > /etc/terrarium-test; rm -f /etc/hostname');
  const source = { kind: 'container', container: id } as const;
  const { notes } = await exportTo('host.tar', 'tar', source);
  assert.match(notes.join(' '), /only its changes/);
  const names = run('tar', '-tf', 'host.tar')
    .trim()
    .split('\n')
    .filter((name) => !name.endsWith('/'));
  assert.deepEqual(names.sort(), ['etc/.wh.hostname', 'etc/terrarium-test']);
  for (const format of ['bundle', 'kube', 'oci-archive'] as const) {
    await fails(exportTo('refused', format, source), { code: protocol.ErrorCode.Unavailable, message: /./ });
  }
});

test('nothing is left after an error or a cancel, and nothing is written over', async () => {
  const before = readdirSync(out).sort();
  await fails(exportTo('absent.tar', 'tar', { kind: 'image', name: 'absent' }), {
    code: protocol.ErrorCode.NotFound,
    message: /no image/,
  });
  await fails(exportTo('nowhere/x.tar', 'tar'), { code: protocol.ErrorCode.Invalid, message: /no folder/ });
  writeFileSync(path.join(out, 'taken'), 'precious');
  await fails(exportTo('taken', 'tar'), { code: protocol.ErrorCode.NameTaken, message: /exists already/ });
  assert.equal(readFileSync(path.join(out, 'taken'), 'utf8'), 'precious');
  await bed.exec(await container(), 'dd if=/dev/urandom of=/big bs=1M count=64 2>/dev/null');
  const cancel = new CancellationTokenSource();
  const destination = path.join(out, 'cancelled');
  const source = { kind: 'container', container: await container() } as const;
  const params = { source, format: 'docker-archive', destination, progress: 'cancel' } as const;
  const progress = bed.helper.connection.onProgress(protocol.ImageProgressType, 'cancel', () => cancel.cancel());
  await assert.rejects(
    bed.helper.connection.sendRequest(protocol.ExportImage, params, cancel.token),
    ({ code }: { code: number }) => code === -32800,
  );
  progress.dispose();
  await bed.exec(await container(), 'rm /big');
  assert.equal((await bed.helper.summary(await container())).state, 'running');
  assert.deepEqual(readdirSync(out).sort(), [...before, 'taken'].sort());
});

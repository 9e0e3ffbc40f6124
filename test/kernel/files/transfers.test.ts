import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';

const bed = new Bed();
let made = 0;

/** An empty folder of this machine. */
function folder(): string {
  const name = path.join(bed.home.folder, `transfer-${made++}`);
  mkdirSync(name);
  return name;
}

async function running(more: protocol.ContainerSpecification = {}) {
  const { id } = await bed.up(more);
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const inside = async (script: string) => {
    const { stdout, stderr, exitCode } = await bed.exec(id, script);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };
  return { id, root, inside };
}

/** Type, mode, size, time, links and target of all that is in a folder, by GNU find. */
function tree(at: string): string[] {
  const format = '%P|%y|%m|%s|%T@|%n|%l\n';
  // The size of a folder is the file system's business.
  return execFileSync('find', [at, '-mindepth', '1', '-printf', format], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.replace(/^([^|]*\|d\|\d+)\|\d+/, '$1'))
    .sort();
}

function makeTree(at: string): void {
  const script = `mkdir -p '${at}/sub/deeper' && cd '${at}' && echo one > one && ln one two && ln -s sub/deeper link
    ln -s /etc/passwd absolute && echo x > sub/x && chmod 751 sub/x && chmod 500 sub/deeper && truncate -s 50M sub/sparse
    touch -d '2001-02-03 04:05:06.789' one sub/deeper sub`;
  execFileSync('sh', ['-c', script]);
}

test('what is uploaded and downloaded again is the same, and root’s inside', async () => {
  const { root, inside } = await running();
  const [source, back] = [folder(), folder()];
  makeTree(path.join(source, 'tree'));
  writeFileSync(path.join(source, 'single'), 'single');
  const uploading: protocol.UploadParams = {
    root,
    sources: [path.join(source, 'tree'), path.join(source, 'single')],
    destination: '/srv',
    overwrite: false,
  };
  await assert.rejects(
    bed.helper.request(protocol.UploadFiles, uploading),
    /Cannot copy to \/srv: there is no such file/,
  );
  await inside('mkdir /srv');
  const up = await bed.helper.request(protocol.UploadFiles, uploading);
  assert.deepEqual(up.notes, []);
  assert.equal(
    await inside('stat -c "%u:%g" /srv/tree /srv/tree/one /srv/single | sort -u; cat /srv/tree/two'),
    '0:0\none\n',
  );
  assert.equal(await inside('du -k /srv/tree/sub/sparse'), '0\t/srv/tree/sub/sparse\n');
  const down = await bed.helper.request(protocol.DownloadFiles, {
    root,
    paths: ['/srv/tree', '/srv/single'],
    destination: back,
    overwrite: false,
  });
  assert.deepEqual(tree(back), tree(source));
  assert.deepEqual([down.files, down.bytes], [up.files, up.bytes]);
  assert.equal(statSync(path.join(back, 'tree/one')).uid, process.getuid?.());
});

test('setuid bits and devices do not leave a container, and that is told', async () => {
  const { root, inside } = await running();
  await inside('mkdir /d; echo x > /d/program; chmod 6755 /d/program; mkfifo /d/pipe');
  const destination = folder();
  const { notes } = await bed.helper.request(protocol.DownloadFiles, {
    root,
    paths: ['/d', '/dev/null'],
    destination,
    overwrite: false,
  });
  assert.equal(statSync(path.join(destination, 'd/program')).mode & 0o7777, 0o755);
  assert.deepEqual(readdirSync(destination, { recursive: true }).sort(), ['d', 'd/program']);
  assert.equal(notes.length, 3, notes.join(' '));
  assert.match(notes.join(' '), /1 file was copied without the setuid/);
  assert.match(notes.join(' '), /1 named pipe was left out/);
  assert.match(notes.join(' '), /1 device was left out/);
});

test('nothing is overwritten unless that is wanted; then folders are merged', async () => {
  const { root, inside } = await running();
  await inside('mkdir -p /srv/tree; echo old > /srv/tree/one; echo kept > /srv/tree/other');
  const source = folder();
  makeTree(path.join(source, 'tree'));
  const upload = (overwrite: boolean) =>
    bed.helper.request(protocol.UploadFiles, {
      root,
      sources: [path.join(source, 'tree')],
      destination: '/srv',
      overwrite,
    });
  await assert.rejects(upload(false), /already/);
  assert.equal(await inside('cat /srv/tree/one'), 'old\n');
  await upload(true);
  assert.equal(await inside('cat /srv/tree/one /srv/tree/other; ls -a /srv/tree | wc -l'), 'one\nkept\n8\n');
});

test('a cancelled transfer leaves nothing, and progress was told on the way', async () => {
  const { root, inside } = await running();
  await inside('mkdir /srv');
  const source = path.join(folder(), 'large');
  execFileSync('dd', ['if=/dev/zero', `of=${source}`, 'bs=1M', 'count=300', 'status=none']);
  const cancel = new CancellationTokenSource();
  const reports: protocol.TransferProgress[] = [];
  const token = 'upload';
  const listener = bed.helper.connection.onProgress(protocol.TransferProgressType, token, (report) => {
    reports.push(report);
    cancel.cancel();
  });
  const params = { root, sources: [source], destination: '/srv', overwrite: false, progress: token };
  await assert.rejects(bed.helper.connection.sendRequest(protocol.UploadFiles, params, cancel.token), /Cancelled/);
  listener.dispose();
  assert.equal(reports[0]?.totalBytes, 300 * 1024 * 1024);
  assert.equal(await inside('ls -A /srv'), '');
});

test('a folder that cannot be read by others is uploaded from and downloaded to', async () => {
  const { root, inside } = await running();
  await inside('mkdir /srv');
  const closed = folder();
  writeFileSync(path.join(closed, 'f'), 'mine', { mode: 0o600 });
  chmodSync(closed, 0o700);
  await bed.helper.request(protocol.UploadFiles, {
    root,
    sources: [path.join(closed, 'f')],
    destination: '/srv',
    overwrite: false,
  });
  await inside('mv /srv/f /srv/g');
  await bed.helper.request(protocol.DownloadFiles, { root, paths: ['/srv/g'], destination: closed, overwrite: false });
  assert.equal(readFileSync(path.join(closed, 'g'), 'utf8'), 'mine');
});

test('a full disk inside leaves nothing of a transfer', async () => {
  const mount = { destination: '/small', type: 'tmpfs', source: 'tmpfs', options: ['size=64k'] };
  const { root, inside } = await running({ mounts: [mount] });
  const source = path.join(folder(), 'large');
  writeFileSync(source, Buffer.alloc(300_000, 1));
  const params = { root, sources: [source], destination: '/small', overwrite: false };
  await assert.rejects(bed.helper.request(protocol.UploadFiles, params), (error: unknown) => {
    const { data } = error as { data: protocol.ErrorData };
    assert.deepEqual([data.errno, data.fix === undefined], ['ENOSPC', false]);
    return true;
  });
  assert.equal(await inside('ls -A /small'), '');
});

test('an image is downloaded from, and not uploaded to', async () => {
  const { id } = await bed.helper.request(protocol.CreateContainer, { specification: { root: bed.root, args: [] } });
  const root: protocol.FileRoot = { kind: 'base', container: id };
  const destination = folder();
  await bed.helper.request(protocol.DownloadFiles, { root, paths: ['/etc'], destination, overwrite: false });
  assert.deepEqual(readdirSync(path.join(destination, 'etc')).sort(), ['group', 'passwd']);
  const params = { root, sources: [path.join(destination, 'etc')], destination: '/', overwrite: true };
  await assert.rejects(bed.helper.request(protocol.UploadFiles, params), /read-only/);
  assert.equal(existsSync(path.join(bed.rootFolder, 'etc/new')), false);
});

/** Files that an image or a program lays as traps: links of the kernel's, pipes, devices, names, sizes, silence. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../../kernel/support/bed.js';

const bed = new Bed();

async function running(more: protocol.ContainerSpecification = {}) {
  const { id, pid } = await bed.up(more);
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const inside = async (script: string) => {
    const { stdout, stderr, exitCode } = await bed.exec(id, script);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };
  const read = (at: string, more: Partial<protocol.ReadFileParams> = {}) =>
    bed.helper.request(protocol.ReadFile, { root, path: at, ...more });
  const write = (at: string) =>
    bed.helper.request(protocol.WriteFile, { root, path: at, data: 'eA==', create: true, overwrite: true });
  return { id, pid, root, inside, read, write };
}

test('links of the kernel are not followed: they lead where no path does', async () => {
  const { pid, inside, read, write } = await running();
  await inside('ln -s /proc/1/root/etc/passwd /magic; ln -s /proc/1/cwd /cwd');
  for (const at of ['/proc/1/root/etc/passwd', '/magic', '/cwd/etc/passwd', '/proc/1/exe']) {
    await assert.rejects(read(at), (error: unknown) => {
      assert.equal((error as { data: protocol.ErrorData }).data.errno, 'ELOOP');
      return true;
    });
  }
  await assert.rejects(write('/magic'));
  // Control: by a joined path they are followed.
  assert.match(readFileSync(`/proc/${pid}/root/proc/1/root/etc/passwd`, 'utf8'), /^root:/);
});

test('pipes, devices and sockets are refused at once, for reading and for writing', async () => {
  const { inside, read, write } = await running();
  await inside('mkfifo /pipe; ln -s /pipe /to-pipe; ln -s /dev/zero /to-zero');
  for (const at of ['/pipe', '/to-pipe', '/dev/zero', '/to-zero', '/dev/null', '/dev/pts/ptmx']) {
    const start = performance.now();
    await assert.rejects(read(at), /no ordinary file/);
    await assert.rejects(write(at), /no ordinary file/);
    assert.ok(performance.now() - start < 5000);
  }
  // Nor is a pipe opened by passing: nobody who opens it inside has found a peer.
  assert.equal(await inside('timeout 1 cat /pipe; echo $?'), '143\n');
});

test('files that the kernel makes up are read with a bound, and never written', async () => {
  const { inside, read, write } = await running();
  const { data, size } = await read('/proc/1/status');
  assert.match(Buffer.from(data, 'base64').toString(), /^Name:/);
  assert.ok(size > 100 && size <= 1024 * 1024);
  await assert.rejects(write('/proc/sys/kernel/domainname'), /no ordinary file/);
  assert.notEqual((await inside('cat /proc/sys/kernel/domainname')).trim(), 'x');
});

test('a file of a terabyte is neither read whole nor in the way', async () => {
  const { inside, read } = await running();
  await inside('dd if=/dev/zero of=/huge bs=1 count=1 seek=1099511627775 2>/dev/null');
  await assert.rejects(read('/huge'), /too large/);
  await assert.rejects(read('/huge', { offset: 0, length: 1e12 }), /too large/);
  const { data, size } = await read('/huge', { offset: 1_099_511_627_770, length: 100 });
  assert.deepEqual([Buffer.from(data, 'base64').length, size], [6, 1_099_511_627_776]);
});

test('odd names are names: line feeds, marks of direction, dots, leading dashes', async () => {
  const { root, inside, read, write } = await running();
  for (const name of ['a\nb', 'gpj\u202eexe', '-rf', '...', ' ', '%2e%2e', 'C:\\x']) {
    await write(`/srv-${name}`);
    assert.equal(Buffer.from((await read(`/srv-${name}`)).data, 'base64').toString(), 'x');
    await bed.helper.request(protocol.DeleteFile, { root, path: `/srv-${name}`, recursive: false });
  }
  assert.equal(await inside('ls -d /srv* 2>/dev/null | wc -l'), '0\n');
  for (const at of ['relative', '', '/a\0b', '/..', '/etc/..', '/.', '/']) {
    await assert.rejects(write(at), /Not a path|is a folder/);
    await assert.rejects(bed.helper.request(protocol.DeleteFile, { root, path: at, recursive: true }), /Not a path/);
  }
  assert.match(await inside('cat /etc/passwd'), /^root:/);
});

test('names of owners are read with bounds, and a hostile passwd hides no file', async () => {
  const { root, inside } = await running();
  const list = () => bed.helper.request(protocol.ListFiles, { root, path: '/etc' });
  await inside('rm /etc/passwd; mkfifo /etc/passwd');
  assert.equal((await list()).entries.find(({ name }) => name === 'group')?.user, undefined);
  await inside('rm /etc/passwd; ln -s /dev/zero /etc/passwd');
  assert.ok((await list()).entries.length > 0);
  await inside('rm /etc/passwd; yes "root:x:0:0:root:/root:/bin/sh" | head -c 3000000 > /etc/passwd');
  assert.ok((await list()).entries.length > 0);
  await inside(`printf 'ro\\033[31mot:x:0:0:::\\n' > /etc/passwd`);
  assert.equal((await list()).entries[0]?.user, 'ro\x1b[31mot');
});

/** Pids of the agents of a helper. */
function agentsOf(helper: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const isChild = new RegExp(`^PPid:\\s*${helper}$`, 'm').test(status);
        return isChild && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('agent.cjs');
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ESRCH') return false;
        throw error;
      }
    });
}

test('files that never answer hold up neither the helper nor the next request', async () => {
  const { root } = await running();
  const helper = await bed.another();
  await helper.request(protocol.ListFiles, { root, path: '/' });
  const agents = agentsOf(helper.child.pid ?? 0);
  assert.equal(agents.length, 1);
  // As one that waits for a FUSE server does.
  for (const pid of agents) process.kill(pid, 'SIGSTOP');
  const listing = assert.rejects(helper.request(protocol.ListFiles, { root, path: '/' }), /did not answer in time/);
  const start = performance.now();
  assert.ok((await helper.ask(protocol.ListContainers)).length > 0);
  assert.ok(performance.now() - start < 5000, 'the helper answers meanwhile');
  await listing;
  const { entries } = await helper.request(protocol.ListFiles, { root, path: '/' });
  assert.ok(entries.length > 0);
});

test('an upload follows no link that lies in its way', async () => {
  const { root, inside } = await running();
  await inside('mkdir /srv; echo own > /etc/own; ln -s /etc/own /srv/file; ln -s /etc /srv/folder');
  const source = path.join(bed.home.folder, 'file');
  writeFileSync(source, 'uploaded', { mode: 0o640 });
  await bed.helper.request(protocol.UploadFiles, { root, sources: [source], destination: '/srv', overwrite: true });
  assert.equal(await inside('cat /etc/own /srv/file; stat -c "%F %a" /srv/file'), 'own\nuploadedregular file 640\n');
  assert.equal(statSync(source).size, 8);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';

const bed = new Bed();
const isRange = process.env.TERRARIUM_TEST_IDENTITY === 'range';

/** A running container and its root. */
async function running(more: protocol.ContainerSpecification = {}) {
  const { id } = await bed.up(more);
  const root: protocol.FileRoot = { kind: 'container', container: id };
  /** What a script inside prints. */
  const inside = async (script: string) => {
    const { stdout, stderr, exitCode } = await bed.exec(id, script);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };
  const write = (path: string, text: string, more: Partial<protocol.WriteFileParams> = {}) =>
    bed.helper.request(protocol.WriteFile, {
      root,
      path,
      data: Buffer.from(text).toString('base64'),
      create: true,
      overwrite: true,
      ...more,
    });
  return { id, root, inside, write };
}

/** The answer's error must tell the errno, a cause where one is known, and what to do. */
function refusedWith(errno: string): (error: unknown) => true {
  return (error) => {
    const { data, message } = error as { data?: protocol.ErrorData; message: string };
    assert.equal(data?.errno, errno, message);
    return true;
  };
}

test('a new file is root’s, with mode 644, and what is written is read inside', async () => {
  const { inside, write } = await running();
  const entry = await write('/etc/new', 'hello');
  assert.deepEqual([entry.name, entry.kind, entry.size, entry.mode, entry.uid], ['new', 'file', 5, 0o644, 0]);
  assert.equal(await inside('cat /etc/new; stat -c " %a %u %g" /etc/new'), 'hello 644 0 0\n');
  assert.equal(await inside('ls -a /etc | grep -c terrarium || :'), '0\n');
});

test('a file that is there keeps owner, mode and hard links; setuid goes, as when the kernel writes', async () => {
  const { inside, write } = await running();
  const owner = isRange ? '1000:10' : '0:0';
  await inside(`echo long long content > /f; ln /f /g; chown ${owner} /f; chmod 4640 /f`);
  const entry = await write('/f', 'short');
  assert.equal(entry.mode, 0o640);
  assert.equal(await inside('cat /g; stat -c " %a %u:%g %h" /f'), `short 640 ${owner} 2\n`);
  await write('/f', 'XY', { offset: 1 });
  assert.equal(await inside('cat /f'), 'sXYrt');
});

test('creating and overwriting happen only when asked for', async () => {
  const { inside, write, root } = await running();
  await assert.rejects(write('/absent', 'x', { create: false }), refusedWith('ENOENT'));
  await assert.rejects(write('/etc/passwd', 'x', { overwrite: false }), refusedWith('EEXIST'));
  await assert.rejects(write('/etc', 'x'), refusedWith('EISDIR'));
  assert.equal(await inside('head -c 5 /etc/passwd; ls /absent 2>/dev/null | wc -l'), 'root:0\n');
  await bed.helper.request(protocol.CreateFolder, { root, path: '/made' });
  await assert.rejects(bed.helper.request(protocol.CreateFolder, { root, path: '/made' }), refusedWith('EEXIST'));
  await bed.helper.request(protocol.CreateLink, { root, path: '/made/link', target: '../etc/passwd' });
  assert.equal(await inside('stat -c "%F %a %u" /made; readlink /made/link'), 'directory 755 0\n../etc/passwd\n');
});

test('a link is followed when it is read or written, inside the root only', async () => {
  const { inside, write, root } = await running();
  await inside('ln -s /etc/target /link; echo old > /etc/target; ln -s ../../../../../../../../etc/target /up');
  await write('/link', 'new');
  assert.equal(await inside('cat /etc/target; readlink /link'), 'new/etc/target\n');
  const { data } = await bed.helper.request(protocol.ReadFile, { root, path: '/up' });
  assert.equal(Buffer.from(data, 'base64').toString(), 'new');
  // `..` does not lead out of a root either.
  const { size } = await bed.helper.request(protocol.StatFile, { root, path: '/../../etc/target' });
  assert.equal(size, 3);
});

test('files and folders are renamed, also onto another when that is wanted', async () => {
  const { inside, root } = await running();
  const move = (from: string, to: string, overwrite = false) =>
    bed.helper.request(protocol.MoveFile, { root, from, to, overwrite });
  await inside('mkdir -p /d/e; echo 1 > /d/one; echo 2 > /d/two; echo 3 > /d/e/three');
  await move('/d/one', '/d/uno');
  await assert.rejects(move('/d/uno', '/d/two'), refusedWith('EEXIST'));
  await move('/d/uno', '/d/two', true);
  await move('/d/e', '/f');
  await assert.rejects(move('/f', '/f/below'), refusedWith('EINVAL'));
  await assert.rejects(move('/f', '/d', true), refusedWith('ENOTEMPTY'));
  assert.equal(await inside('cat /d/two /f/three; ls /d'), '1\n3\ntwo\n');
});

test('a folder of the image is moved by copying it, for an overlay does not rename it', async () => {
  const { inside, root } = await running();
  await inside('stat -c "%u %a" /home/alice');
  await bed.helper.request(protocol.MoveFile, { root, from: '/home', to: '/people', overwrite: false });
  assert.equal(await inside('ls -d /home 2>/dev/null; ls /people; stat -c %F /people/alice'), 'alice\ndirectory\n');
  assert.equal(await inside('ls -a / | grep -c terrarium || :'), '0\n');
});

test('a folder of the image with something mounted in it is not moved, and stays whole', async () => {
  const { inside, root } = await running({
    mounts: [{ destination: '/home/alice', type: 'tmpfs', source: 'tmpfs', options: [] }],
  });
  await inside('touch /home/alice/f /home/g');
  const moving = bed.helper.request(protocol.MoveFile, { root, from: '/home', to: '/people', overwrite: false });
  await assert.rejects(moving, refusedWith('EXDEV'));
  assert.equal(
    await inside('ls /home /home/alice; ls -a / | grep -c -e terrarium -e people || :'),
    '/home:\nalice\ng\n\n/home/alice:\nf\n0\n',
  );
});

test('a copy keeps modes, owners, times, links, hard links and holes', async () => {
  const { inside, root } = await running();
  const owner = isRange ? '1000:10' : '0:0';
  await inside(`mkdir /src; cd /src; echo a > a; ln a b; ln -s a l; mkfifo p; chown ${owner} a; chmod 4755 a
    dd if=/dev/zero of=sparse bs=1 count=1 seek=100000000 2>/dev/null; mkdir -m 1750 sub; touch -d '2001-02-03 04:05:06' sub`);
  await bed.helper.request(protocol.CopyFile, { root, from: '/src', to: '/dst', overwrite: false });
  const described = (folder: string) =>
    inside(`cd ${folder}; stat -c "%n %F %a %u:%g %h %s %Y" *; readlink l; du -k sparse`);
  const [source, copy] = [await described('/src'), await described('/dst')];
  assert.equal(copy, source);
  assert.match(copy, /^a regular file 4755 .* 2 2 /m);
  assert.equal(await inside('[ /dst/a -ef /dst/b ] && ! [ /dst/a -ef /src/a ] && echo linked'), 'linked\n');
});

test('files and trees are deleted, a folder with content only when that is wanted', async () => {
  const { inside, root } = await running();
  await inside('mkdir -p /t/a/b/c; echo x > /t/a/b/c/f; chmod 0 /t/a/b; ln -s /etc /t/link; echo keep > /etc/keep');
  const remove = (path: string, recursive: boolean) =>
    bed.helper.request(protocol.DeleteFile, { root, path, recursive });
  await assert.rejects(remove('/t', false), refusedWith('ENOTEMPTY'));
  await remove('/t', true);
  await assert.rejects(remove('/t', true), refusedWith('ENOENT'));
  await assert.rejects(remove('/proc', true), refusedWith('EBUSY'));
  await assert.rejects(remove('/', true), /Not a path of a file/);
  await remove('/bin/zcat', false);
  assert.equal(await inside('ls -d /t /bin/zcat 2>/dev/null | wc -l; cat /etc/keep'), '0\nkeep\n');
});

test('modes are changed, in a tree too, and not through links', async () => {
  const { inside, root } = await running();
  await inside('mkdir -p /m/n; touch /m/f /m/n/g /outside; chmod 600 /outside; ln -s /outside /m/link');
  await bed.helper.request(protocol.ChangeMode, { root, path: '/m/f', mode: 0o4711 });
  assert.equal(await inside('stat -c %a /m/f /m'), '4711\n755\n');
  await bed.helper.request(protocol.ChangeMode, { root, path: '/m', mode: 0o750, recursive: true });
  assert.equal(await inside('stat -c %a /m /m/f /m/n /m/n/g /outside'), '750\n750\n750\n750\n600\n');
});

test('owners are changed by the names of the root, within the map', async () => {
  const { inside, root } = await running();
  const own = (owner: string, recursive = false) =>
    bed.helper.request(protocol.ChangeOwner, { root, path: '/o', owner, recursive });
  await inside('mkdir -p /o/p; touch /o/p/f; ln -s /etc/passwd /o/link');
  await assert.rejects(own('nobody-here'), /no user "nobody-here"/);
  await assert.rejects(own('far'), /no user 4000000 in the container/);
  await assert.rejects(own('a:b:c'), /Not an owner/);
  if (isRange) {
    await own('alice:wheel', true);
    assert.equal(
      await inside('stat -c %u:%g /o /o/p /o/p/f /o/link /etc/passwd'),
      '1000:10\n1000:10\n1000:10\n1000:10\n0:0\n',
    );
    await own(':0');
    assert.equal(await inside('stat -c %u:%g /o'), '1000:0\n');
    await own('5:6');
    assert.equal(await inside('stat -c %u:%g /o'), '5:6\n');
  } else {
    await assert.rejects(own('alice'), /no user 1000 in the container/);
    await own('root:root');
  }
});

test('files of sub-ids that nobody else may read are read and changed', async (t) => {
  if (!isRange) return t.skip('this user has no range of ids');
  const { inside, write, root } = await running();
  await inside('mkdir -m 700 /secret; echo x > /secret/f; chmod 600 /secret/f; chown -R 1000:1000 /secret');
  const { data } = await bed.helper.request(protocol.ReadFile, { root, path: '/secret/f' });
  assert.equal(Buffer.from(data, 'base64').toString(), 'x\n');
  await write('/secret/f', 'y');
  assert.equal(await inside('stat -c "%u %a" /secret/f; cat /secret/f'), '1000 600\ny');
});

test('a stopped container is changed, and starts with the changes', async () => {
  const { id, root, write } = await running();
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  await write('/etc/stopped', 'written');
  await bed.helper.request(protocol.DeleteFile, { root, path: '/etc/group', recursive: false });
  await bed.helper.request(protocol.StartContainer, { container: id });
  assert.equal((await bed.exec(id, 'cat /etc/stopped; ls /etc')).stdout, 'writtenpasswd\nstopped\n');
  // Seen through the container again.
  const { data } = await bed.helper.request(protocol.ReadFile, { root, path: '/etc/stopped' });
  assert.equal(Buffer.from(data, 'base64').toString(), 'written');
});

test('roots that cannot be written to say so, and refuse', async () => {
  for (const writable of ['none', 'tmpfs'] as const) {
    const { id } = await bed.helper.request(protocol.CreateContainer, {
      specification: { root: bed.root, args: [], writable },
    });
    const root: protocol.FileRoot = { kind: 'container', container: id };
    const { readOnly } = await bed.helper.request(protocol.ListFiles, { root, path: '/' });
    assert.match(readOnly ?? '', writable === 'none' ? /no writable layer/ : /in memory/);
    const params = { root, path: '/f', data: '', create: true, overwrite: true };
    await assert.rejects(bed.helper.request(protocol.WriteFile, params), refusedWith('EROFS'));
  }
});

test('a full disk leaves a file as it was', async () => {
  const mount = { destination: '/small', type: 'tmpfs', source: 'tmpfs', options: ['size=64k'] };
  const { inside, write } = await running({ mounts: [mount] });
  await inside('echo precious > /small/f');
  await assert.rejects(write('/small/f', 'x'.repeat(200_000)), refusedWith('ENOSPC'));
  await assert.rejects(write('/small/g', 'x'.repeat(200_000)), refusedWith('ENOSPC'));
  assert.equal(await inside('cat /small/f; ls -a /small'), 'precious\n.\n..\nf\n');
});

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import type { FileEntry } from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';

const command = new Command();

async function said(...args: string[]): Promise<string> {
  const { stdout, stderr, status } = await command.terrarium(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

const inHome = (name: string) => path.join(command.home.folder, name);

test('files are listed and copied, in and out, running and stopped', async () => {
  await said('run', '-d', '--name', 'web', '--root', command.root, '--', 'sleep', '60');
  assert.match(await said('ls', 'web'), /^drwxrwxrwt .* tmp( \[mount\])?$/m);
  assert.match(await said('ls', 'web:/bin/sh'), /^lrwxrwxrwx .* sh -> busybox$/m);
  const entries = JSON.parse(await said('ls', '--json', 'web:/etc')) as FileEntry[];
  assert.deepEqual(
    entries.map(({ name, user }) => [name, user]),
    [
      ['group', 'root'],
      ['passwd', 'root'],
    ],
  );
  writeFileSync(inHome('page'), 'hello', { mode: 0o640 });
  await said('cp', 'page', 'web:/etc');
  await said('cp', 'page', 'web:/etc/renamed');
  assert.equal(
    await said('exec', 'web', '--', 'sh', '-c', 'cat /etc/page /etc/renamed; ls -a /etc | wc -l'),
    'hellohello6\n',
  );
  await said('kill', 'web');
  await said('cp', 'web:/etc/renamed', 'back');
  assert.equal(readFileSync(inHome('back'), 'utf8'), 'hello');
  assert.equal(statSync(inHome('back')).mode & 0o777, 0o640);
  mkdirSync(inHome('folder'));
  await said('cp', 'web:/etc', 'folder');
  assert.equal(readFileSync(inHome('folder/etc/page'), 'utf8'), 'hello');
  // A folder under a new name, from what it was made from.
  await said('cp', '--base', 'web:/etc', 'original');
  assert.match(readFileSync(inHome('original/passwd'), 'utf8'), /^root:/);
});

test('what cannot be copied is told with what to do', async () => {
  await said('create', '--name', 'idle', '--root', command.root);
  const refused = async (...args: string[]) => {
    const { status, stderr } = await command.terrarium(args);
    assert.equal(status, 125);
    return stderr;
  };
  assert.match(await refused('cp', 'one', 'two'), /has to be NAME:PATH/);
  assert.match(await refused('cp', 'idle:/absent', '.'), /Cannot copy \/absent: there is no such file/);
  assert.match(await refused('cp', 'absent', 'idle:/'), /Cannot copy .*absent: there is no such file/);
  assert.match(await refused('ls', 'idle:/etc/passwd/x'), /something on the way is no folder/);
  assert.match(await refused('ls', 'nobody:/'), /There is no container "nobody"/);
  await said('rm', 'idle');
});

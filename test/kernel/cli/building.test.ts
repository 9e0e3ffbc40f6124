import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildResult } from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';

const command = new Command();

test('an image is built from programs, with every file explained, and runs', async () => {
  const built = await command.terrarium(['build', '--name', 'tools', 'bash', 'ls', '--extra', 'accounts', '--list']);
  assert.equal(built.status, 0, built.stderr);
  assert.match(built.stdout, /^\/\S*libc\.so\.6 {2}.* needs it \(DT_NEEDED libc\.so\.6\)$/m);
  assert.match(built.stdout, /^tools {2}sha256:[0-9a-f]{64} {2}[\d.]+ MiB$/m);
  const ran = await command.terrarium(['run', '--rm', '--root', 'tools', '--', 'bash', '-c', 'ls -d /etc/passwd']);
  assert.deepEqual([ran.stdout, ran.status], ['/etc/passwd\n', 0]);
  const { stdout } = await command.terrarium(['build', '--name', 'more', 'ls', '--json']);
  const { image, files, notes } = JSON.parse(stdout) as BuildResult;
  assert.deepEqual([image.name, notes], ['more', []]);
  assert.ok(files.some(({ source }) => source?.endsWith('/ls')));
  assert.equal((await command.terrarium(['rm-image', 'tools', 'more'])).status, 0);
});

test('what is wrong is said in the command’s own words', async () => {
  const cases: [string[], RegExp][] = [
    [['build', '--name', 'x'], /missing required argument 'programs'/],
    [['build', '--name', 'x', 'ls', '--extra', 'fonts'], /accounts, certificates, locale, terminfo/],
    [['build', '--name', 'x', 'no-such-program'], /There is no program "no-such-program"[\s\S]*cause:/],
    [['bootstrap', '--name', 'x', '../x'], /suite/],
    [['run', '--root', command.root, '--show', '/srv', '--', 'true'], /--show are for --root host/],
    [['run', '--show', '/proc', '--', 'true'], /\/proc cannot be shown/],
  ];
  for (const [args, text] of cases) {
    const { stderr, status } = await command.terrarium(args);
    assert.match(stderr, text, args.join(' '));
    assert.equal(status, 125, args.join(' '));
  }
});

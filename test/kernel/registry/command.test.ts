import assert from 'node:assert/strict';
import * as path from 'node:path';
import { test } from 'node:test';
import type { ImageSummary } from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';
import { packRoot } from '../support/root.js';
import { LoopbackRegistry } from './loopbackRegistry.js';
import { TokenServer } from './tokens.js';

const command = new Command();

async function said(args: string[], input = ''): Promise<string> {
  const { stdout, stderr, status } = await command.terrarium(args, input);
  assert.equal(status, 0, stderr);
  return stdout;
}

test('terrarium push and pull, with a password from standard input', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  const tokens = await TokenServer.start(t, 'me:pass word');
  tokens.guard(registry);
  const reference = `${registry.host}/team/app:1`;
  const account = ['--username', 'me', '--password-stdin'];
  const archive = packRoot(command.root, path.join(command.home.folder, 'root.tar'), 'gzip');
  await said(['import', archive, '--name', 'local']);
  const pushed = await said(['push', 'local', reference, ...account], 'pass word\n');
  assert.match(pushed, new RegExp(`^${reference}  sha256:[0-9a-f]{64}\n$`));

  await said(['pull', reference, ...account], 'pass word\n');
  await said(['pull', reference, '--name', 'mine', ...account], 'pass word');
  const images = JSON.parse(await said(['images', '--json'])) as ImageSummary[];
  assert.deepEqual(images.map(({ name }) => name).sort(), [reference, 'local', 'mine'].sort());
  assert.equal(new Set(images.map(({ digest }) => digest)).size, 1);
  assert.equal(
    await said(['run', '--rm', '--root', 'mine', '--', 'cat', '/etc/group']),
    'root:x:0:\nalice:x:1000:\nwheel:x:10:alice\n',
  );

  const refused = await command.terrarium(['pull', reference, '--name', 'other']);
  assert.equal(refused.status, 125);
  assert.match(refused.stderr, /does not let everybody do this\n {2}cause: .*\n {2}fix: .*password/);
  const foreign = await command.terrarium(['pull', reference, '--platform', 'linux/riscv64', ...account], 'pass word');
  assert.match(foreign.stderr, /no image for linux\/riscv64\n {2}cause: The only one is for linux\//);
  await said(['rm-image', 'local', 'mine', reference]);
});

test('what cannot be meant is said before anything is asked', async (t) => {
  const registry = await LoopbackRegistry.start(t);
  for (const [args, message] of [
    [['pull', registry.host, '--platform', 'linux'], /os\/architecture/],
    [['pull', `${registry.host}/a`, '--username', 'me'], /together/],
    [['pull', `${registry.host}/A`], /small letters/],
    [['push', 'missing', `${registry.host}/a`], /no image named/],
  ] as const) {
    const { status, stderr } = await command.terrarium(args);
    assert.equal(status, 125);
    assert.match(stderr, message);
  }
  assert.deepEqual(registry.seen, []);
});

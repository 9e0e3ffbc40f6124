/** What containers and images name is text in what we print: it moves no cursor, and forges no line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { RenderLedger } from '../../../helper/protocol/index.js';
import { busyboxRoot } from '../../kernel/stage/zygote.js';
import { cliBundle, Product, pidOf, procText, until, workFolder } from './product.js';

/** Clears the screen, sets the title, C1 CSI, return, backspace, right-to-left override and isolate, line separator. */
const evil = 'a\x1b[2Jb\x1b]0;owned\x07c\u009b31md\re\x08f\u202eg\u2066h\u2028i';
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
const obeyed = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

test('escapes in arguments, environment, paths and process names come out as text', async (t) => {
  const product = await Product.start(t);
  const cli = (...args: string[]) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [cliBundle, ...args], {
      env: product.environment,
      encoding: 'utf8',
    });
    return { said: stdout + stderr, status };
  };
  const root = busyboxRoot(workFolder(t));
  mkdirSync(path.join(root, 'usr'));
  writeFileSync(path.join(root, 'etc/passwd'), `${evil}:x:0:0:${evil}:/${evil}:/bin/${evil}\n`);
  assert.match(evil, obeyed, 'control: it is what is looked for');
  const { init } = await product.up({
    name: 'box',
    root: { kind: 'directory', path: root },
    args: ['/bin/sh', '-c', 'echo "$0" > /proc/self/comm; sleep 1000; :', evil],
    env: [`EVIL=${evil}`],
    mounts: [{ destination: `/mnt/${evil}`, type: 'tmpfs' }],
    annotations: { [evil]: evil },
  });
  await until('it has its name', () => procText(pidOf(init), 'comm').startsWith('a\x1b[2J'));
  const shown: string[][] = [
    ['ps'],
    ['ps', '--json'],
    ['ps', 'box'],
    ['ps', '--json', 'box'],
    ['inspect', 'box'],
    ['ledger', 'box'],
    ['ledger', '--script', 'box'],
    ['ledger', '--json', 'box'],
    ['ledger', '--list', 'box'],
    ['limits', 'box'],
  ];
  for (const args of shown) {
    const { said, status } = cli(...args);
    assert.equal(status, 0, `${args.join(' ')}: ${said}`);
    assert.doesNotMatch(said, obeyed, `${args.join(' ')}: ${JSON.stringify(obeyed.exec(said))}`);
  }
  assert.ok(cli('ps').said.includes('owned'), 'control: the words are shown');

  const errors: string[][] = [
    ['exec', 'box', '--', `/bin/${evil}`],
    ['exec', '--cwd', `/${evil}`, 'box', '--', '/bin/true'],
    ['exec', '--user', evil, 'box', '--', '/bin/true'],
    ['run', '--root', `/${evil}`, '--', '/bin/true'],
    ['run', '--root', evil, '--', '/bin/true'],
    ['run', '--name', evil, '--', '/bin/true'],
    ['run', '--hostname', evil, '--', '/bin/true'],
    ['run', '--mount', `/${evil}:/mnt`, '--', '/bin/true'],
    ['stop', evil],
    ['import', `/${evil}`, '--name', 'x'],
    ['rm-image', evil],
    ['ledger', '--operation', evil, 'box'],
    ['limits', 'box', `${evil}=1`],
  ];
  for (const args of errors) {
    const { said, status } = cli(...args);
    assert.notEqual(status, 0, args.join(' '));
    assert.doesNotMatch(said, obeyed, `${JSON.stringify(args)}: ${JSON.stringify(said)}`);
    assert.ok(said.trim().length > 0, `something is said of ${JSON.stringify(args)}, which ended with ${status}`);
  }
});

test('what a container names makes no link, picture or command in a ledger that is rendered as markdown', async (t) => {
  const product = await Product.start(t);
  const markdown =
    '`|[x](command:evil) ![y](http://127.0.0.1:9/p.png) <img src=x onerror=z> $(alert)\n# forged\n```\n# forged';
  const { id } = await product.run({ args: ['/bin/true', markdown], env: [`A=${markdown}`] });
  const { text } = await product.client.sendRequest(RenderLedger, { container: id, format: 'markdown' });
  assert.ok(text.includes('command:evil'), 'control: it is shown');
  // In code markdown has no meaning: what is outside of it must not hold any of it.
  const parts = text.split(/^```.*$/m).filter((_, at) => at % 2 === 0);
  const plain = parts.join('\n').replaceAll(/(`+)[^`](?:.*?[^`])?\1(?!`)/g, '');
  assert.ok(!/\]\(command:|\]\(http:|<img/.test(plain), 'outside of code');
  assert.ok(!/^# forged/m.test(text), 'no heading of its own');
});

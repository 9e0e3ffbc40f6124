/** Distributions installed into images: by mmdebstrap itself where a mirror answers, and by a stand-in for what it may do. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { readIdentity } from '../../../helper/zygote/identity.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { TestHelper } from '../support/helper.js';
import { processesWith } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();
const hasRange = readIdentity().mapping === 'range';

/** A helper that finds this script as mmdebstrap. */
async function helperWith(t: TestContext, script: string): Promise<TestHelper> {
  const folder = path.join(bed.home.folder, `bin-${t.name.replace(/\W+/g, '-').slice(0, 40)}`);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'mmdebstrap'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const environment = { ...bed.home.environment, PATH: `${folder}:${bed.home.environment.PATH}` };
  const helper = await TestHelper.start({ ...bed.home, environment });
  t.after(() => helper.stop());
  return helper;
}

const leftovers = () => readdirSync(path.join(bed.home.data, 'images/ingest'));

test('what the tool prints is passed on, and what it packs becomes the image, with its owners', async (t) => {
  if (!hasRange) return t.skip('this user has no range of ids');
  const helper = await helperWith(
    t,
    `echo "I: arguments $*" >&2
     mkdir -p root/etc && echo 'ID=stand-in' > root/etc/os-release && chown 42:43 root/etc/os-release
     echo "I: pid $$ uid $(id -u) tmp $TMPDIR" >&2
     exec tar -C root -cf - .`,
  );
  let text = '';
  helper.connection.onNotification(protocol.BootstrapOutput, (output) => {
    if (output.name === 'stand-in') text += output.text;
  });
  const phases = new Set<string>();
  helper.connection.onProgress(protocol.ImageProgressType, 'p', ({ phase }) => {
    phases.add(phase);
  });
  const image = await helper.request(protocol.BootstrapImage, {
    name: 'stand-in',
    suite: 'bookworm',
    packages: ['curl', 'jq'],
    mirror: 'http://mirror.invalid/debian',
    progress: 'p',
  });
  assert.equal(image.name, 'stand-in');
  assert.match(text, /--variant=minbase --include=curl,jq bookworm - http:\/\/mirror\.invalid\/debian\n/);
  // Root of the user namespace, and the first process of a pid namespace.
  assert.match(text, /I: pid 1 uid 0 tmp .*\/ingest\//);
  assert.ok(phases.has('download') && phases.has('pack'), [...phases].join());
  const tree = await bed.helper.request(protocol.CreateContainer, {
    specification: { root: { kind: 'image', name: 'stand-in' }, args: ['/none'] },
  });
  const { layers } = JSON.parse(
    readFileSync(path.join(bed.home.data, 'containers', tree.id, 'container.json'), 'utf8'),
  ) as { layers: string[] };
  assert.equal(readFileSync(path.join(layers[0] ?? '', 'etc/os-release'), 'utf8'), 'ID=stand-in\n');
  assert.deepEqual(leftovers(), []);
});

test('a cancel ends every process of the tool, and leaves nothing', async (t) => {
  if (!hasRange) return t.skip('this user has no range of ids');
  const mark = `7${process.pid}.5`;
  // A child in a session of its own, and one that hears no signal.
  const helper = await helperWith(
    t,
    `trap '' TERM INT HUP
     setsid sleep ${mark} &
     mkdir -p half/made && chown 1000 half/made && chmod 0 half/made
     echo started >&2
     sleep ${mark}`,
  );
  const started = new Promise<void>((resolve) => {
    helper.connection.onNotification(protocol.BootstrapOutput, ({ text }) => {
      if (text.includes('started')) resolve();
    });
  });
  const source = new CancellationTokenSource();
  const work = helper.connection.sendRequest(protocol.BootstrapImage, { name: 'gone', suite: 'sid' }, source.token);
  await started;
  await eventually('both processes', () => processesWith(`sleep\0${mark}`).length === 2);
  source.cancel();
  await assert.rejects(work, /[Cc]ancel/);
  assert.deepEqual(processesWith(`sleep\0${mark}`), []);
  assert.deepEqual(leftovers(), []);
  assert.ok(!(await helper.ask(protocol.ListImages)).some(({ name }) => name === 'gone'));
});

test('the death of the helper ends the tool', async (t) => {
  if (!hasRange) return t.skip('this user has no range of ids');
  const mark = `8${process.pid}.5`;
  const helper = await helperWith(t, `sleep ${mark}`);
  const work = helper.connection.sendRequest(protocol.BootstrapImage, { name: 'orphan', suite: 'sid' });
  work.catch(() => undefined);
  await eventually('the tool', () => processesWith(`sleep\0${mark}`).length === 1);
  await helper.crash();
  await eventually('the end of the tool', () => processesWith(`sleep\0${mark}`).length === 0);
});

test('a tool that fails says why, and leaves nothing', async (t) => {
  if (!hasRange) return t.skip('this user has no range of ids');
  const helper = await helperWith(
    t,
    'echo x > half; echo "E: Unable to locate package nothing" >&2; echo "E: mmdebstrap failed to run" >&2; exit 1',
  );
  await fails(helper.request(protocol.BootstrapImage, { name: 'failed', suite: 'sid' }), {
    code: protocol.ErrorCode.Unavailable,
    message: /^mmdebstrap did not succeed$/,
    fix: /names of the packages/,
    data: { cause: 'Unable to locate package nothing' },
  });
  assert.deepEqual(leftovers(), []);
});

test('without a range of ids it is refused at once', async (t) => {
  if (hasRange) return t.skip('this user has a range of ids');
  const helper = await helperWith(t, 'echo never >&2; exit 1');
  await fails(helper.request(protocol.BootstrapImage, { name: 'refused', suite: 'sid' }), {
    code: protocol.ErrorCode.Unavailable,
    message: /without a range of ids/,
    fix: /administrator/,
  });
});

test('tools are found, and wrong choices refused before anything runs', async (t) => {
  const helper = await helperWith(t, 'exit 1');
  const [first] = await helper.ask(protocol.FindBootstrapTools);
  assert.equal(first?.tool, 'mmdebstrap');
  assert.match(first?.path ?? '', /\/bin-.*\/mmdebstrap$/);
  await fails(helper.request(protocol.BootstrapImage, { name: 'x', suite: '../x' }), {
    code: protocol.ErrorCode.Invalid,
    message: /suite/,
  });
});

/** The mirror and suite that this machine's own packages come from. */
function ownMirror(): { mirror: string; suite: string } | undefined {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1];
  const folder = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : []),
  ];
  for (const file of files.filter((name) => existsSync(name))) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const mirror = /^(?:URIs:|deb (?:\[.*\] )?)\s*(https?:\/\/\S*debian\/?)(?:\s|$)/.exec(line)?.[1];
      if (mirror !== undefined && suite !== undefined) return { mirror, suite };
    }
  }
  return undefined;
}

async function answers({ mirror, suite }: { mirror: string; suite: string }): Promise<boolean> {
  const address = `${mirror.replace(/\/$/, '')}/dists/${suite}/InRelease`;
  return fetch(address, { method: 'HEAD', signal: AbortSignal.timeout(10_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

test('a small Debian is installed from this machine’s mirror, and runs', { timeout: 600_000 }, async (t) => {
  if (!hasRange) return t.skip('this user has no range of ids');
  const own = ownMirror();
  if (own === undefined || !(await answers(own))) return t.skip('no mirror of Debian answers');
  const { notes } = await bed.helper.request(protocol.BootstrapImage, { name: 'debian', variant: 'apt', ...own });
  assert.doesNotMatch(notes.join(), /owner/);
  const { stdout, stderr } = await bed.helper.runToEnd({
    root: { kind: 'image', name: 'debian' },
    args: ['sh', '-c', 'cat /etc/os-release; apt-get --version; stat -c %U:%G /usr/bin/chage /var/mail; ls -A /tmp'],
  });
  assert.match(stdout, /^ID=debian$/m);
  assert.match(stdout, new RegExp(`^VERSION_CODENAME=${own.suite}$`, 'm'));
  assert.match(stdout, /^apt \d+\.\d+/m);
  assert.match(stdout, /^root:shadow\nroot:mail\n$/m);
  assert.equal(stderr, '');
});

/** CVE-2018-15664 and its like: what we do to files stays in the root while somebody inside flips a folder and a link. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../../kernel/support/bed.js';
import { Canary, secret } from '../runtime/canary.js';
import { perl, systemCall } from '../runtime/perl.js';

const bed = new Bed();
let made = 0;
/** How long each attack lasts. */
const attackMilliseconds = 2500;

interface Arena {
  root: protocol.FileRoot;
  pid: number;
  canary: Canary;
  /** Of this machine; `/arena` inside. In it `flip` is a folder at one moment and a link to the canary at the next. */
  folder: string;
}

/** Exchanges the two for as long as it runs, and makes the folder anew when somebody has deleted it. */
const flipper = `my ($folder, $target) = @ARGV; chdir $folder or die;
  symlink $target, 'other' or die; mkdir 'flip' or die; print "ready\\n";
  while (1) { mkdir 'flip'; symlink $target, 'other' unless -l 'other' or -d 'other';
    open(my $file, '>>', 'flip/own') if -d 'flip' and not -l 'flip';
    syscall(${systemCall('renameat2')}, -100, my $a = 'flip', -100, my $b = 'other', 2); }`;

async function arena(t: TestContext): Promise<Arena> {
  const outside = path.join(bed.home.folder, `outside-${made}`);
  const folder = path.join(bed.home.folder, `arena-${made++}`);
  mkdirSync(outside);
  mkdirSync(folder);
  const canary = new Canary(outside);
  const [program = '', ...args] = perl(flipper, folder, canary.folder);
  // It shares the arena with the container, as a process inside would, and is as fast as can be.
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  if (child.stdout !== null) await once(child.stdout, 'data');
  const mount: protocol.oci.Mount = { destination: '/arena', source: folder, type: 'bind', options: ['rw'] };
  const { id, pid } = await bed.up({ mounts: [mount] });
  return { root: { kind: 'container', container: id }, pid, canary, folder };
}

/** Does it over and over, whatever comes of it, and answers how often it succeeded. */
async function repeatedly(work: (round: number) => Promise<unknown>): Promise<number> {
  let successes = 0;
  const end = performance.now() + attackMilliseconds;
  for (let round = 0; performance.now() < end; round++) {
    try {
      await work(round);
      successes++;
    } catch (error) {
      // A refusal is fine; that something of ours broke is not.
      assert.notEqual((error as { code: number }).code, protocol.ErrorCode.Internal, String(error));
    }
  }
  return successes;
}

const attacks: Readonly<Record<string, (arena: Arena, round: number) => Promise<unknown>>> = {
  'write a file': ({ root }, round) =>
    bed.helper.request(protocol.WriteFile, {
      root,
      path: `/arena/flip/${round % 2 === 0 ? 'file' : `new-${round}`}`,
      data: 'b3V0',
      create: true,
      overwrite: true,
    }),
  'make a folder': ({ root }, round) =>
    bed.helper.request(protocol.CreateFolder, { root, path: `/arena/flip/folder-${round}` }),
  'make a link': ({ root }, round) =>
    bed.helper.request(protocol.CreateLink, { root, path: `/arena/flip/link-${round}`, target: '/' }),
  'delete a tree': ({ root }, round) =>
    bed.helper.request(protocol.DeleteFile, {
      root,
      path: round % 2 === 0 ? '/arena/flip/folder' : '/arena/flip',
      recursive: true,
    }),
  'change modes': ({ root }) =>
    bed.helper.request(protocol.ChangeMode, { root, path: '/arena/flip', mode: 0o777, recursive: true }),
  'change owners': ({ root }) =>
    bed.helper.request(protocol.ChangeOwner, { root, path: '/arena/flip', owner: '0:0', recursive: true }),
  'move a file': async ({ root }, round) => {
    const from = `/arena/mine-${round}`;
    const file = { root, path: from, data: '', create: true, overwrite: true };
    await bed.helper.request(protocol.WriteFile, file);
    await bed.helper.request(protocol.MoveFile, { root, from, to: `/arena/flip/file`, overwrite: true });
  },
  'upload a file': ({ root, folder }) => {
    const source = path.join(folder, '..', 'file');
    writeFileSync(source, 'uploaded');
    return bed.helper.request(protocol.UploadFiles, {
      root,
      sources: [source],
      destination: '/arena/flip',
      overwrite: true,
    });
  },
};

for (const [name, attack] of Object.entries(attacks)) {
  test(`${name} while a folder and a link are flipped: nothing outside is touched`, async (t) => {
    const field = await arena(t);
    const before = field.canary.look();
    let successes = 0;
    // Who is slowed down by others may find the link each time.
    for (let tries = 0; tries < 5 && successes === 0; tries++)
      successes = await repeatedly((round) => attack(field, round));
    assert.ok(successes > 0, 'it was done in the folder now and then');
    assert.equal(field.canary.look(), before);
  });
}

test('control: by joined paths the same attack does harm', async (t) => {
  const { pid, canary } = await arena(t);
  const before = canary.look();
  await repeatedly(async () => writeFileSync(`/proc/${pid}/root/arena/flip/file`, 'out'));
  assert.notEqual(canary.look(), before);
});

test('what is read, downloaded or copied is never the canary', async (t) => {
  const { root, folder, canary } = await arena(t);
  const destination = path.join(folder, '..', `downloads-${made}`);
  mkdirSync(destination);
  let reads = 0;
  await repeatedly(async () => {
    const { data } = await bed.helper.request(protocol.ReadFile, { root, path: '/arena/flip/file' });
    reads++;
    assert.doesNotMatch(Buffer.from(data, 'base64').toString(), new RegExp(secret));
  });
  const successes = await repeatedly((round) =>
    bed.helper.request(protocol.DownloadFiles, {
      root,
      paths: [round % 2 === 0 ? '/arena/flip' : '/arena/flip/file'],
      destination,
      overwrite: true,
    }),
  );
  assert.ok(reads + successes > 0);
  assert.equal(found(destination), '', 'nothing of the canary was downloaded');
  // Control: the same search finds the canary where it is.
  assert.notEqual(found(canary.folder), '');
});

/** Files below a folder that hold the secret; grep exits with 1 when there are none. */
function found(folder: string): string {
  return execFileSync('sh', ['-c', 'grep -rl "$1" "$2" || [ $? -eq 1 ]', 'sh', secret, folder], { encoding: 'utf8' });
}

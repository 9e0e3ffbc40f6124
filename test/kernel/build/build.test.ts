/** Images of this machine's programs: run in them, and held against what the machine's own tools say. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { CancellationTokenSource } from 'vscode-jsonrpc/node';
import { HostFiles } from '../../../helper/build/hostFiles.js';
import { Loader } from '../../../helper/build/loader.js';
import { listPrograms, programFolders } from '../../../helper/build/programs.js';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';

const bed = new Bed();

const build = (name: string, programs: string[], extras: protocol.BuildExtra[] = []) =>
  bed.helper.request(protocol.BuildImage, { name, programs, extras });

/** Runs a command in an image; answers what it printed on both streams, and its status. */
async function run(image: string, args: string[]): Promise<string> {
  const { stdout, stderr, exit } = await bed.helper.runToEnd({ root: { kind: 'image', name: image }, args });
  return `${stdout}${stderr}=${exit.exitCode}`;
}

test('bash and ls run, and nothing else is there', async () => {
  const { image, files, notes } = await build('shell', ['bash', 'ls']);
  assert.deepEqual([image.name, notes], ['shell', []]);
  assert.match(await run('shell', ['bash', '-c', 'ls /']), /^bin\ndev\netc\n(?:.*\n)*var\n=0$/);
  assert.match(await run('shell', ['bash', '-c', 'cat /etc/ld.so.cache']), /cat: (command )?not found.*\n=127$/);
  // What is said to have been copied is there, with this machine's bytes.
  const copied = files.filter(({ source }) => source !== undefined);
  assert.ok(copied.some((file) => file.path === '/usr/bin/bash' || file.path === '/bin/bash'));
  const listed = await run('shell', [
    'bash',
    '-c',
    'for f in "$@"; do test -s "$f" || echo "$f"; done',
    'x',
    ...copied.map((file) => file.path),
  ]);
  assert.equal(listed, '=0');
  for (const { why } of files) assert.match(why, /\w/);
});

test('the shell is what runs by default, and PATH finds the programs', async () => {
  const { id } = await bed.helper.run({
    root: { kind: 'image', name: 'shell' },
    args: ['bash', '-c', 'ls / > /dev/null && echo $PATH'],
  });
  await bed.helper.request(protocol.WaitContainer, { container: id });
  assert.match(await bed.helper.output(id), /\/usr\/bin/);
  const config = await bed.helper.request(protocol.InspectContainer, { container: id });
  assert.equal(config.root.kind, 'image');
});

test('a script brings its interpreter, and python3 its standard library', async () => {
  const script = path.join(bed.home.folder, 'hello');
  writeFileSync(
    script,
    '#!/usr/bin/env python3\nimport json, ctypes, hashlib\nprint(json.dumps({"md5": hashlib.md5(b"").hexdigest()}))\n',
    { mode: 0o755 },
  );
  const { files } = await build('script', [script]);
  assert.equal(await run('script', [script]), '{"md5": "d41d8cd98f00b204e9800998ecf8427e"}\n=0');
  assert.ok(files.some(({ why }) => why.includes('hello is a script for it (#!/usr/bin/env python3)')));
});

test('a library that is found by $ORIGIN, built here, is found there', async () => {
  const folder = path.join(bed.home.folder, 'app');
  for (const name of ['bin', 'lib']) mkdirSync(path.join(folder, name), { recursive: true });
  writeFileSync(path.join(folder, 'lib.c'), 'int answer(void) { return 42; }\n');
  writeFileSync(
    path.join(folder, 'main.c'),
    '#include <stdio.h>\nint answer(void);\nint main(void) { printf("%d\\n", answer()); }\n',
  );
  const gcc = (...args: string[]) => execFileSync('gcc', args, { cwd: folder });
  gcc('-shared', '-fPIC', '-o', 'lib/libanswer.so', 'lib.c');
  gcc('-o', 'bin/main', 'main.c', '-Llib', '-lanswer', '-Wl,-rpath,$ORIGIN/../lib');
  const main = path.join(folder, 'bin/main');
  await build('origin', [main]);
  assert.equal(await run('origin', [main]), '42\n=0');
  await fails(build('broken', [brokenCopy(main)]), {
    code: protocol.ErrorCode.BadInput,
    message: /libanswer\.so is missing/,
    fix: /package/,
  });
});

/** The program where its library is not. */
function brokenCopy(program: string): string {
  const copy = path.join(bed.home.folder, 'lonely');
  writeFileSync(copy, readFileSync(program), { mode: 0o755 });
  return copy;
}

test('extras: accounts, terminal descriptions, certificates', async () => {
  await build('extras', ['bash', 'id', 'tput'], ['accounts', 'terminfo', 'certificates', 'locale']);
  const said = await run('extras', [
    'bash',
    '-c',
    'id -un; id -un nobody; tput -T xterm-256color colors; echo ~; while read -r line; do echo $line; done < /etc/passwd',
  ]);
  assert.match(said, /^root\nnobody\n256\n\/root\nroot:x:0:0:root:\/root:\/\S*bash\nnobody:.*\n=0$/);
});

test('the same programs give the same image, byte for byte', async () => {
  const [first, second] = [await build('same-1', ['ls', 'bash']), await build('same-2', ['ls', 'bash'])];
  assert.equal(first.image.digest, second.image.digest.replace('same-2', 'same-1'));
  assert.notEqual((await build('other', ['ls'])).image.digest, first.image.digest);
});

test('a name that is taken, a program that is not there: nothing is made', async () => {
  const before = (await bed.helper.ask(protocol.ListImages)).map(({ name }) => name);
  await fails(build('shell', ['ls']), { code: protocol.ErrorCode.NameTaken, message: /exists already/ });
  await fails(build('none', ['no-such-program']), { code: protocol.ErrorCode.NotFound, message: /no-such-program/ });
  await fails(build('a b', ['ls']), { code: protocol.ErrorCode.Invalid, message: /cannot name an image/ });
  assert.deepEqual(
    (await bed.helper.ask(protocol.ListImages)).map(({ name }) => name),
    before,
  );
  assert.deepEqual(leftovers(), []);
});

test('a cancel leaves nothing', async () => {
  const source = new CancellationTokenSource();
  const { connection } = bed.helper;
  const seen = new Promise<void>((resolve) => {
    connection.onProgress(protocol.ImageProgressType, 'cancelled', () => resolve());
  });
  const building = connection.sendRequest(
    protocol.BuildImage,
    { name: 'cancelled', programs: ['python3', 'bash'], progress: 'cancelled' },
    source.token,
  );
  await seen;
  source.cancel();
  await assert.rejects(building, /[Cc]ancel/);
  assert.ok(!(await bed.helper.ask(protocol.ListImages)).some(({ name }) => name === 'cancelled'));
  assert.deepEqual(leftovers(), []);
});

/** What operations have left unfinished in the store. */
const leftovers = () => readdirSync(path.join(bed.home.data, 'images/ingest'));

test('libraries are those that ldd finds, for fifty programs of this machine', async () => {
  const files = new HostFiles();
  const loader = new Loader(files);
  const dynamic: string[] = [];
  for (const program of await listPrograms(programFolders(undefined))) {
    const resolved = await files.resolve(program.path);
    if (resolved === undefined) continue;
    const elf = await loader.elfAt(resolved.path).catch(() => undefined);
    if (elf !== undefined && elf.machine !== 'other' && elf.interpreter !== undefined && elf.needed.length > 0)
      dynamic.push(resolved.path);
  }
  const distinct = [...new Set(dynamic)];
  const chosen = distinct
    .filter((_, index) => index % Math.max(1, Math.floor(distinct.length / 50)) === 0)
    .slice(0, 50);
  assert.equal(chosen.length, 50);
  for (const program of chosen) {
    const elf = await loader.elfAt(program);
    assert.ok(elf !== undefined && elf.machine !== 'other');
    const { libraries, missing } = await loader.load({ path: program, elf });
    const ours = [
      ...libraries.map(({ name, path: file }) => (name.startsWith('/') ? file : `${name} => ${file}`)),
      ...missing.map(({ name }) => `${name} => not found`),
    ];
    const isLoader = (line: string) => /(^|\/)ld-linux[^/]*$|ld-linux.* => /.test(line);
    const theirs = spawnSync('ldd', [program], { encoding: 'utf8', env: { PATH: process.env.PATH } })
      .stdout.split('\n')
      .map((line) => line.trim().replace(/ \(0x[0-9a-f]+\)$/, ''))
      .filter((line) => line !== '' && !line.startsWith('linux-vdso') && !isLoader(line));
    assert.deepEqual(ours.filter((line) => !isLoader(line)).sort(), theirs.sort(), program);
  }
});

test('the loader’s cache that is made is one that ldconfig reads', async () => {
  const { files } = await build('cache', ['bash', '/sbin/ldconfig', 'ls']);
  const said = await run('cache', ['/sbin/ldconfig', '-p']);
  const listed = [...said.matchAll(/^\t(\S+) \(.*\) => (\S+)$/gm)].map(([, , file]) => file ?? '');
  assert.ok(listed.length >= 2, said);
  const copied = new Set(files.map((file) => path.basename(file.path)));
  for (const file of listed) assert.ok(copied.has(path.basename(file)), file);
});

test('programs of this machine are listed', async () => {
  const programs = await bed.helper.ask(protocol.ListPrograms);
  assert.ok(programs.length > 100);
  const bash = programs.find(({ name }) => name === 'bash');
  assert.match(bash?.path ?? '', /^\/(usr\/)?bin\/bash$/);
  assert.equal(new Set(programs.map(({ name }) => name)).size, programs.length);
});

/** CVE-2024-21626: nothing of the helper's is open inside, and no way leads out by a descriptor. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  EnterProcess,
  ErrorCode,
  ExecInContainer,
  RunContainer,
  type TerrariumError,
} from '../../../helper/protocol/index.js';
import { Canary, secret } from './canary.js';
import { makeFolders, Product, until, workFolder } from './product.js';

/** Descriptors 7 to 20 on a folder and a file that are not the container's business. */
function leak(t: TestContext): { outside: string; canary: Canary; descriptors: Map<number, number> } {
  const outside = path.join(workFolder(t), 'outside');
  makeFolders(outside);
  const canary = new Canary(outside);
  const held = [canary.folder, path.join(canary.folder, 'file')].map((file) => openSync(file, 'r'));
  t.after(() => {
    for (const fd of held) closeSync(fd);
  });
  const numbers = Array.from({ length: 14 }, (_, at) => at + 7);
  return { outside, canary, descriptors: new Map(numbers.map((number) => [number, held[number % 2] ?? -1])) };
}

/** What a process has open, by number; nothing once it has ended. One that it closes meanwhile is left out. */
function openIn(pid: number): Map<string, string> {
  const open = new Map<string, string>();
  for (const fd of unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const target = unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`));
    if (target !== undefined) open.set(fd, target);
  }
  return open;
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

test('of a helper with descriptors 7 to 20 open, processes inside get 0, 1 and 2', async (t) => {
  const { outside, descriptors } = leak(t);
  const product = await Product.start(t, { descriptors });
  for (const number of descriptors.keys()) {
    assert.ok(openIn(product.helperPid).get(String(number))?.startsWith(outside), 'control: the helper has them');
  }
  const sleep = ['/bin/sleep', '1000'];
  const inside: [string, number][] = [];
  for (const [what, specification] of Object.entries({
    run: { args: sleep },
    'init of ours that stays': {},
    'command below an init of ours': { args: sleep, init: true },
    'with a terminal': { args: sleep, terminal: true },
    'with the host’s pids': { args: sleep, namespaces: { pid: 'host' as const } },
  })) {
    const { summary } = await product.client.sendRequest(RunContainer, { specification, stdin: true });
    assert.ok(summary.init !== undefined);
    const { pid } = summary.init;
    inside.push([what, pid]);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    for (const child of children) inside.push([`${what}, child`, child]);
    for (const terminal of [false, true]) {
      const { identity } = await product.client.sendRequest(ExecInContainer, {
        container: summary.id,
        process: { args: sleep, terminal, stdin: true },
      });
      inside.push([`exec in ${what}`, identity.pid]);
    }
  }
  assert.ok(inside.some(([what]) => what.endsWith('child')));
  // Its pid namespace takes what enters it along when it ends.
  const options = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
  const foreign = spawn('unshare', [...options, ...sleep], { stdio: 'ignore' });
  t.after(() => foreign.kill('SIGKILL'));
  const foreignPid = await until('it sleeps in namespaces of its own', () => {
    const child = Number(readFileSync(`/proc/${foreign.pid}/task/${foreign.pid}/children`, 'utf8'));
    return child !== 0 && readFileSync(`/proc/${child}/comm`, 'utf8') === 'sleep\n' && child;
  });
  for (const terminal of [false, true]) {
    const asked = { process: { pid: foreignPid }, args: sleep, terminal, stdin: true };
    const { identity } = await product.client.sendRequest(EnterProcess, asked);
    inside.push(['entered, of no container', identity.pid]);
  }
  for (const [what, pid] of inside) {
    const open = await until(`${what} has settled`, () => {
      const now = openIn(pid);
      return now.size === 3 && now;
    });
    assert.deepEqual([...open.keys()].sort(), ['0', '1', '2'], what);
    for (const target of open.values()) assert.match(target, /^(pipe:|\/dev\/(null|pts\/\d+)$)/, what);
    const cwd = readlinkSync(`/proc/${pid}/cwd`);
    assert.ok(!cwd.startsWith(outside), `${what} is in ${cwd}`);
  }
  // What stays outside and lives longest has none of them either.
  const zygote = await product.zygotePid();
  const monitors = readFileSync(`/proc/${zygote}/task/${zygote}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);
  assert.ok(monitors.length >= 5);
  for (const pid of [zygote, ...monitors]) {
    for (const [fd, target] of openIn(pid)) assert.ok(!target.startsWith(outside), `${pid} has ${fd}: ${target}`);
  }

  // Control: a plain child of the helper's would have had them.
  const plain = spawn('/bin/sleep', ['1000'], {
    stdio: [
      'ignore',
      'ignore',
      'ignore',
      ...Array.from({ length: 18 }, (_, at) => descriptors.get(at + 3) ?? 'ignore'),
    ],
  });
  await once(plain, 'spawn');
  assert.ok(
    [...openIn(plain.pid ?? 0).values()].some((target) => target.startsWith(outside)),
    'control',
  );
  plain.kill('SIGKILL');
});

test('a working folder of /proc/self/fd/N is refused, for init and for what enters', async (t) => {
  const { outside, canary, descriptors } = leak(t);
  const product = await Product.start(t, { descriptors, cwd: canary.folder });
  const { id } = await product.up({});
  const before = canary.look();
  const args = ['/bin/sh', '-c', 'pwd; cat file; touch made'];
  const refused = (error: TerrariumError): boolean => {
    assert.deepEqual([error.code, error.data?.step], [ErrorCode.StepFailed, 'changeDirectory'], error.message);
    return true;
  };
  for (let number = 3; number <= 20; number++) {
    for (const cwd of [`/proc/self/fd/${number}`, `/proc/thread-self/fd/${number}/folder`, `/dev/fd/${number}/`]) {
      await assert.rejects(product.up({ args, cwd }), refused, cwd);
      const process = { args, cwd };
      await assert.rejects(product.client.sendRequest(ExecInContainer, { container: id, process }), refused, cwd);
    }
  }
  for (const cwd of ['/proc/self/cwd', '/proc/1/root', '/proc/self/root/../../..']) {
    await assert.rejects(product.up({ args, cwd }), refused, cwd);
  }
  assert.equal(canary.look(), before);

  // Control: the same descriptors lead a plain child out.
  const child = spawn('/bin/sh', ['-c', 'cd /proc/self/fd/8 && cat file'], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit', ...Array.from({ length: 6 }, (_, at) => descriptors.get(at + 3) ?? 'ignore')],
  });
  let said = '';
  child.stdout?.on('data', (part: Buffer) => {
    said += part.toString();
  });
  await once(child, 'close');
  assert.equal(said.trim(), secret, `control: ${outside}`);
});

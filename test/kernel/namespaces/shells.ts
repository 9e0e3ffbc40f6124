import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { type NamespaceLink, namespacesOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

export interface Shell {
  /** Of the script's shell. */
  pid: number;
  /** Ends it, and waits for the end; done after the test at the latest. */
  end(): Promise<void>;
}

/** Options of unshare(1) for a shell that is root in new namespaces of all kinds but cgroup and time. */
export const unshareAll: readonly string[] = [
  '--user',
  '--map-root-user',
  '--mount-proc',
  '--uts',
  '--ipc',
  '--net',
  '--pid',
  '--fork',
  '--kill-child',
];

/** A shell in namespaces of its own as a person makes one with unshare(1); with `--fork` it is the child of what unshare is. */
export async function unshared(
  t: TestContext,
  options: readonly string[],
  script = 'echo ready; read _',
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Shell> {
  const child = spawn('unshare', [...options, 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environment,
  });
  const closed = once(child, 'close');
  const end = async () => {
    child.stdin.end('\n');
    await closed;
  };
  t.after(end);
  await once(child.stdout, 'data');
  assert.ok(child.pid !== undefined);
  const [first] = options.includes('--fork') ? childrenOf(child.pid) : [child.pid];
  assert.ok(first !== undefined);
  return { pid: first, end };
}

/** The pid of a shell in a sandbox of bwrap(1), whose user namespace is in another one; undefined when the test is skipped. */
export async function sandboxed(t: TestContext): Promise<number | undefined> {
  if (spawnSync('bwrap', ['--version']).status !== 0) return void t.skip('bwrap is not installed');
  const options = ['--unshare-all', '--die-with-parent', '--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev'];
  const child = spawn('bwrap', [...options, 'sh', '-c', 'echo ready; read _'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  t.after(async () => {
    child.stdin.end('\n');
    await closed;
  });
  await once(child.stdout, 'data');
  // bwrap, its init inside, the shell.
  const [init] = childrenOf(child.pid ?? assert.fail('bwrap has not started'));
  const [shell] = childrenOf(init ?? assert.fail('bwrap has no init inside'));
  return shell ?? assert.fail('there is no shell inside');
}

export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** The only child of a process, once it executes `name`: until then it is a copy of its parent. */
export async function childNamed(pid: number, name: string): Promise<number> {
  return eventually(`a child ${name} of ${pid}`, () =>
    childrenOf(pid).find((child) => readFileSync(`/proc/${child}/comm`, 'utf8') === `${name}\n`),
  );
}

/** The number in `net:[4026531840]`. */
export const inodeOf = (pid: number | 'self', link: NamespaceLink): number =>
  Number(/\d+/.exec(namespacesOf(pid)[link])?.[0]);

/** What lsns(8) prints. It fails when a process ends while it looks: then it is asked again. */
export const lsns = (...args: string[]): Promise<string> =>
  eventually('lsns', () => {
    const { status, stdout } = spawnSync('lsns', args, { encoding: 'utf8' });
    return status === 0 && stdout;
  });

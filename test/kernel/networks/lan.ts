import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

/** Addresses for documentation: RFC 5737. */
const subnets = ['198.51.100', '203.0.113'] as const;

/** Another machine on the cable, as far as a network namespace goes. */
export interface Client {
  /** Its own. */
  address: string;
  /** What it finds this machine by. */
  machineAddress: string;
  /** Runs a program of Node's in it, until the test ends; answers its first line. */
  serve(script: string): Promise<string>;
  /** Runs one to its end, and answers what it printed. */
  run(script: string): string;
}

/**
 * A machine's surroundings of network namespaces: one that stands for the machine, with a resolver's file of its own, and
 * two clients, each with a cable to it. Gone after the test. To lay cables takes root: an ordinary user is it in a user
 * namespace, where `wrapper` leads as well.
 */
export async function makeLan(t: TestContext): Promise<{ wrapper: readonly string[]; clients: [Client, Client] }> {
  const children: ChildProcess[] = [];
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-lan-'));
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const start = async ([program = '', ...args]: string[]) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    return { pid: String(child.pid), line };
  };
  const stay = (prepare: string) => ['sh', '-c', `${prepare} && echo ready && exec sleep infinity`];
  const asRoot: string[] = [];
  if (process.getuid?.() !== 0) {
    const { pid } = await start(['unshare', '--user', '--map-root-user', ...stay('true')]);
    asRoot.push('nsenter', `--user=/proc/${pid}/ns/user`, '--preserve-credentials', '--');
  }
  const space = async (...flags: string[]) =>
    (await start([...asRoot, 'unshare', '--net', ...flags, ...stay('ip link set lo up')])).pid;
  const machine = await space('--mount');
  const within = (pid: string, ...command: string[]) => [...asRoot, 'nsenter', `--net=/proc/${pid}/ns/net`, ...command];
  const run = ([program = '', ...args]: string[]) => execFileSync(program, args, { encoding: 'utf8' });

  const join = async (index: 0 | 1): Promise<Client> => {
    const [pid, name] = [await space(), `lan${index}`];
    const [machineAddress, address] = [`${subnets[index]}.1`, `${subnets[index]}.2`];
    run(within(machine, 'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid));
    for (const [where, device, own] of [
      [machine, name, machineAddress],
      [pid, 'eth0', address],
    ] as const) {
      run(within(where, 'ip', 'addr', 'add', `${own}/24`, 'dev', device));
      run(within(where, 'ip', 'link', 'set', device, 'up'));
    }
    const node = (script: string) => within(pid, process.execPath, '-e', script);
    return {
      address,
      machineAddress,
      run: (script) => run(node(script)),
      serve: async (script) => (await start(node(script))).line,
    };
  };
  const clients: [Client, Client] = [await join(0), await join(1)];
  // Where a way out looks for the interface that leads out.
  run(within(machine, 'ip', 'route', 'add', 'default', 'via', clients[0].address));
  const resolver = path.join(folder, 'resolv.conf');
  writeFileSync(resolver, `nameserver ${clients[0].address}\n`);
  const mount = `--mount=/proc/${machine}/ns/mnt`;
  run([...asRoot, 'nsenter', mount, 'mount', '--bind', resolver, '/etc/resolv.conf']);
  return { wrapper: within(machine, mount, '--'), clients };
}

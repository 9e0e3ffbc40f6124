import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import profile from '../helper/security/seccomp/default.json' with { type: 'json' };
import { type Contender, command, type Started } from './contender.js';

let counter = 0;
const onPath = (program: string) =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, program)));

/** Every other way to make a container that is installed here. `root`: a root file system of busybox. */
export function peers(folder: string, root: string): Contender[] {
  return [
    ...['crun', 'runc']
      .filter(onPath)
      .flatMap((program) => [ociRuntime(program, folder, root, false), ociRuntime(program, folder, root, true)]),
    ...(onPath('bwrap') ? [bubblewrap(root)] : []),
    unshare(root),
    ...(onPath('podman') ? [podman(root)] : []),
  ];
}

/** Starts a program in the foreground and waits for the first byte that it prints. */
async function firstOutput(program: string, args: string[], extra: 'pipe'[] = []): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe', ...extra] });
  let errors = '';
  child.stderr?.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ${args.join(' ')}: exit status ${code}\n${errors}`)));
  });
  return child;
}

async function run(program: string, args: string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data: Buffer) => {
    errors += data.toString();
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit status ${code}\n${errors}`);
}

const ended = (child: ChildProcess): Promise<unknown> =>
  child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
const nothing = async (): Promise<void> => undefined;

/** crun or runc with a rootless bundle as they write it themselves, and our filter as its profile or none. */
function ociRuntime(program: string, folder: string, root: string, seccomp: boolean): Contender {
  const bundle = path.join(folder, `${program}${seccomp ? '-seccomp' : ''}`);
  mkdirSync(bundle, { recursive: true });
  execFileSync(program, ['spec', '--rootless'], { cwd: bundle });
  const file = path.join(bundle, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  config.process = { ...config.process, terminal: false, args: command };
  config.root = { path: root, readonly: true };
  // The same namespaces for all: runc's own proposal shares the network.
  const kinds = ['pid', 'network', 'ipc', 'uts', 'user', 'mount'];
  config.linux = {
    ...config.linux,
    namespaces: kinds.map((type) => ({ type })),
    uidMappings: [{ containerID: 0, hostID: process.getuid?.(), size: 1 }],
    gidMappings: [{ containerID: 0, hostID: process.getgid?.(), size: 1 }],
    ...(seccomp && { seccomp: profile }),
  };
  writeFileSync(file, JSON.stringify(config));
  const state = ['--root', path.join(bundle, 'state')];
  return {
    name: `${program}${seccomp ? ', seccomp' : ''}`,
    start: async (): Promise<Started> => {
      const id = `bench-${counter++}`;
      const child = await firstOutput(program, [...state, 'run', '--bundle', bundle, id]);
      return {
        settle: async () => {
          const noted = path.join(bundle, 'state', id, program === 'crun' ? 'status' : 'state.json');
          while (!existsSync(noted)) await delay(1);
        },
        enter: () => run(program, [...state, 'exec', id, '/bin/true']),
        stop: async () => {
          await run(program, [...state, 'kill', id, 'KILL']);
          await ended(child);
        },
        discard: nothing,
      };
    },
    close: nothing,
  };
}

/** nsenter needs the pid of a process inside. */
const nsenter = (pid: number) =>
  run('nsenter', [
    '--preserve-credentials',
    '--target',
    String(pid),
    '-U',
    '-m',
    '-u',
    '-i',
    '-n',
    '-p',
    '-r',
    '/bin/true',
  ]);

/** What bwrap tells about itself; it comes in pieces. */
async function childPid(info: Readable): Promise<number> {
  let text = '';
  for await (const part of info) {
    text += String(part);
    const pid = /"child-pid": *(\d+)/.exec(text)?.[1];
    if (pid !== undefined) return Number(pid);
  }
  throw new Error(`bwrap did not tell its child: ${text}`);
}

function bubblewrap(root: string): Contender {
  const isolation = ['--unshare-all', '--uid', '0', '--gid', '0', '--hostname', 'bench', '--die-with-parent'];
  const mounts = ['--ro-bind', root, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'];
  return {
    name: 'bubblewrap',
    start: async () => {
      const child = await firstOutput('bwrap', ['--info-fd', '3', ...isolation, ...mounts, ...command], ['pipe']);
      const pid = await childPid(child.stdio[3] as Readable);
      return {
        enter: () => nsenter(pid),
        stop: async () => {
          child.kill('SIGKILL');
          await ended(child);
        },
        discard: nothing,
      };
    },
    close: nothing,
  };
}

function unshare(root: string): Contender {
  const spaces = ['--user', '--map-root-user', '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
  return {
    name: 'unshare (chroot, proc)',
    start: async () => {
      const child = await firstOutput('unshare', [
        ...[...spaces, '--fork', '--kill-child', `--root=${root}`, '--mount-proc=/proc', '--', ...command],
      ]);
      const inside = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ')[0]);
      return {
        enter: () => nsenter(inside),
        stop: async () => {
          child.kill('SIGKILL');
          await ended(child);
        },
        discard: nothing,
      };
    },
    close: nothing,
  };
}

function podman(root: string): Contender {
  const options = ['--network', 'none', '--cgroups', 'disabled', '--log-driver', 'none'];
  return {
    name: 'podman (overlay)',
    start: async () => {
      const name = `bench-${counter++}`;
      const child = await firstOutput('podman', [
        ...['run', '--rm', '--name', name, ...options, '--rootfs', `${root}:O`, ...command],
      ]);
      return {
        enter: () => run('podman', ['exec', name, '/bin/true']),
        stop: async () => {
          await run('podman', ['kill', name]);
          await ended(child);
        },
        discard: nothing,
      };
    },
    close: nothing,
  };
}

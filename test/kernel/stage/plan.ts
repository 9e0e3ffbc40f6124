/** The plan of a whole container on a busybox root, written out by hand: tests here must not lean on our planner. */
import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  MS_PRIVATE,
  MS_REC,
  makeDevice,
} from '../../../helper/plan/constants.js';
import type { Step } from '../../../helper/plan/step.js';
import type { Mapping } from './zygote.js';

export interface Options {
  /** Host folder that gets `monitor`, `attach`, `root`, `upper` and `work`. */
  folder: string;
  lower: string;
  mapping: Mapping;
  args?: string[];
  supervise?: boolean;
  stay?: boolean;
  terminal?: boolean;
  uid?: number;
  /** Steps right after the root is set, before anything is mounted in it. */
  early?: Step[];
  /** Steps right before the root is entered. */
  inRoot?: Step[];
  /** Steps after privileges are dropped. */
  late?: Step[];
  filter?: Uint8Array;
}

/** One instruction of struct sock_filter. */
export function instruction(code: number, jt: number, jf: number, k: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(jt, 2);
  bytes.writeUInt8(jf, 3);
  bytes.writeUInt32LE(k, 4);
  return bytes;
}
export const allowAll = instruction(0x06, 0, 0, 0x7fff0000);

/** CHOWN, DAC_OVERRIDE, KILL, SETUID. */
export const keptCapabilities = (1n << 0n) | (1n << 1n) | (1n << 5n) | (1n << 7n);

const device = (name: string, major: number, minor: number): Step => ({
  kind: 'bind',
  source: `/dev/${name}`,
  destination: `/dev/${name}`,
  recursive: 0,
  attributes: 0,
  propagation: 0,
  device: makeDevice(major, minor),
});

const map = (mapping: Mapping): string => (mapping === 'range' ? '0 0 1\n1 1 1000\n' : '0 0 1\n');

export function container(options: Options): Step[] {
  const at = (name: string): string => path.join(options.folder, name);
  for (const name of ['monitor', 'root', 'upper', 'work']) mkdirSync(at(name), { recursive: true });
  const args = options.args ?? ['/bin/sleep', '1000'];
  const privileges = options.uid === undefined || options.uid === 0 ? keptCapabilities : 0n;
  return [
    { kind: 'monitor', directory: at('monitor'), socket: at('attach'), outputLimit: 1n << 20n, events: '' },
    ...(options.terminal === true ? [] : ([{ kind: 'makePipes', stdin: 0 }] as const)),
    {
      kind: 'clone',
      flags: CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET,
      cgroup: '',
    },
    {
      kind: 'mapIds',
      uidMap: map(options.mapping),
      gidMap: map(options.mapping),
      setgroups: options.mapping === 'range' ? 'allow' : 'deny',
    },
    { kind: 'unshare', flags: CLONE_NEWCGROUP },
    { kind: 'setPropagation', path: '/', flags: MS_REC | MS_PRIVATE },
    {
      kind: 'mount',
      type: 'overlay',
      source: 'overlay',
      destination: at('root'),
      attributes: 0,
      data: `lowerdir=${options.lower},upperdir=${at('upper')},workdir=${at('work')},userxattr,volatile`,
    },
    { kind: 'setRoot', path: at('root') },
    ...(options.early ?? []),
    { kind: 'mount', type: 'proc', source: 'proc', destination: '/proc', attributes: 0x0e, data: '' },
    { kind: 'mount', type: 'tmpfs', source: 'tmpfs', destination: '/dev', attributes: 0x02, data: 'mode=755,size=64k' },
    device('null', 1, 3),
    device('zero', 1, 5),
    {
      kind: 'mount',
      type: 'devpts',
      source: 'devpts',
      destination: '/dev/pts',
      attributes: 0x0a,
      data: 'newinstance,ptmxmode=0666,mode=620',
    },
    { kind: 'symlink', target: 'pts/ptmx', path: '/dev/ptmx' },
    { kind: 'mount', type: 'mqueue', source: 'mqueue', destination: '/dev/mqueue', attributes: 0x0e, data: '' },
    { kind: 'bringUp', interface: 'lo' },
    { kind: 'readonlyPath', path: '/proc/sys' },
    { kind: 'maskPath', path: '/proc/interrupts' },
    { kind: 'maskPath', path: '/proc/keys' },
    { kind: 'maskPath', path: '/proc/nothing-such', tolerate: 'missing' },
    { kind: 'maskPath', path: '/proc/tty' },
    { kind: 'setHostname', name: 'glass-box' },
    ...(options.inRoot ?? []),
    { kind: 'pivotRoot' },
    { kind: 'setRlimit', resource: 7, soft: 100n, hard: 200n },
    options.terminal === true ? { kind: 'openTerminal', rows: 33, columns: 111 } : { kind: 'setSession' },
    { kind: 'limitBoundingSet', keep: keptCapabilities },
    {
      kind: 'setIds',
      uid: options.uid ?? 0,
      gid: options.uid ?? 0,
      groups: new Uint8Array(0),
      setgroups: options.mapping === 'range' ? 1 : 0,
      keepCapabilities: 0,
      umask: 0o027,
    },
    { kind: 'setCapabilities', effective: privileges, permitted: privileges, inheritable: 0n, ambient: 0n },
    { kind: 'setNoNewPrivileges' },
    { kind: 'installSeccomp', filter: options.filter ?? allowAll, flags: 0 },
    ...(options.late ?? []),
    { kind: 'changeDirectory', path: '/' },
    options.stay === true
      ? { kind: 'stayInit' }
      : {
          kind: 'execute',
          paths: [args[0] ?? ''],
          args,
          env: ['PATH=/bin', 'INSIDE=yes'],
          supervise: options.supervise === true ? 1 : 0,
        },
  ];
}

/**
 * Steps that lay the machine's /usr and /etc, each below an overlay of its own, into a busybox root. One overlay over
 * `/` is impossible: its submounts are locked in a user namespace (EINVAL).
 */
export function hostFolders(folder: string): Step[] {
  return ['usr', 'etc'].flatMap((name): Step[] => {
    const at = (layer: string): string => path.join(folder, `${name}-${layer}`);
    for (const layer of ['upper', 'work']) mkdirSync(at(layer), { recursive: true });
    const data = `lowerdir=/${name},upperdir=${at('upper')},workdir=${at('work')},userxattr,volatile`;
    return [{ kind: 'mount', type: 'overlay', source: 'overlay', destination: `/${name}`, attributes: 0, data }];
  });
}

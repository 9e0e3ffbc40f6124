/** What a network namespace holds, read by the stage's role `network` (docs/stage.md). */
import { execFile } from 'node:child_process';
import { ErrorCode, type ProcessIdentity, terrariumError } from '../protocol/index.js';
import { isInterrupted, type NetworkTables, parseTables } from './netlink.js';
import { parseUnixSockets, type RawUnixSocket } from './unixSockets.js';

/** Of a part of its answer. */
const partKinds = { netlink: 1, sockets: 2, end: 3, unix: 4 } as const;
const partHeaderBytes = 8;
const holderBytes = 16;

export interface NetworkView extends NetworkTables {
  /** Pids of those that have a socket open, by its inode. */
  holders: Map<number, number[]>;
  /** Undefined when the kernel does not tell of them. */
  unix: RawUnixSocket[] | undefined;
}

/** A machine with a full routing table of the internet has some 100 MB of it; nobody reads that in a list. */
const mostBytes = 32 * 1024 * 1024;
const patienceMilliseconds = 10_000;
/** How often a table that changes meanwhile is read again, before it is taken as it is. */
const attempts = 3;

/** Why the namespace of a process could not be looked at, though the process is there. */
export class ViewRefused extends Error {}

/** @throws ViewRefused when the kernel does not let us; NotFound when the process has ended */
export async function viewNetwork(stage: string, process: ProcessIdentity): Promise<NetworkView> {
  for (let attempt = 1; ; attempt++) {
    const parts = partsOf(await runView(stage, process));
    const all = (wanted: number) => Buffer.concat(parts.filter(({ kind }) => kind === wanted).map(({ data }) => data));
    const netlink = all(partKinds.netlink);
    if (isInterrupted(netlink) && attempt < attempts) continue;
    return {
      ...parseTables(netlink),
      holders: holdersOf(all(partKinds.sockets)),
      unix: parseUnixSockets(all(partKinds.unix)),
    };
  }
}

/** Pure. @throws RangeError when the answer was cut off */
export function partsOf(answer: Buffer): { kind: number; data: Buffer }[] {
  const parts: { kind: number; data: Buffer }[] = [];
  for (let at = 0; at < answer.length; ) {
    const kind = answer.readUInt32LE(at);
    const end = at + partHeaderBytes + answer.readUInt32LE(at + 4);
    if (end > answer.length) break;
    if (kind === partKinds.end) return parts;
    parts.push({ kind, data: answer.subarray(at + partHeaderBytes, end) });
    at = end;
  }
  throw new RangeError('the answer about a network was cut off');
}

/** Records of `u64 inode, u32 pid, u32 0`. Pure. */
function holdersOf(records: Buffer): Map<number, number[]> {
  const holders = new Map<number, number[]>();
  for (let at = 0; at + holderBytes <= records.length; at += holderBytes) {
    const inode = Number(records.readBigUInt64LE(at));
    const pid = records.readUInt32LE(at + 8);
    const known = holders.get(inode) ?? [];
    // Often a process has it open more than once.
    if (!known.includes(pid)) holders.set(inode, [...known, pid]);
  }
  return holders;
}

function runView(stage: string, { pid, startTime }: ProcessIdentity): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd: '/',
      env: {},
      timeout: patienceMilliseconds,
      maxBuffer: mostBytes,
      encoding: 'buffer',
    } as const;
    execFile(stage, ['network', `${pid}:${startTime}`], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const [, syscall = '', errno = '', text = ''] = /^error (\S+) (\S+) (.*)$/m.exec(stderr.toString()) ?? [];
      if (errno === 'ENOENT' || errno === 'ESRCH') {
        reject(terrariumError(ErrorCode.NotFound, `Process ${pid} has ended`));
      } else if (errno === 'EACCES' || errno === 'EPERM') {
        reject(new ViewRefused(`${errno} (${syscall}): this needs power over its network's user namespace.`));
      } else {
        const cause = errno === '' ? stderr.toString().trim() || error.message : `${syscall}: ${text}`;
        reject(
          terrariumError(ErrorCode.Internal, `The network of process ${pid} could not be read`, {
            ...(errno === '' ? {} : { errno, syscall }),
            cause,
          }),
        );
      }
    });
  });
}

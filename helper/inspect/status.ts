/** /proc/PID/status: owners, pids in every namespace, memory, capability sets. */
import { readFileSync } from 'node:fs';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { procFolder, unlessGone } from './proc.js';

export interface CapabilityMasks {
  inheritable: bigint;
  permitted: bigint;
  effective: bigint;
  bounding: bigint;
  ambient: bigint;
}

export interface ProcessStatus {
  parentPid: number;
  state: string;
  /** Real, effective, saved and file system id, as our user namespace sees them (65534: not mapped). */
  uids: [number, number, number, number];
  gids: [number, number, number, number];
  groups: number[];
  /** The pid in our pid namespace first, in the process's own last. */
  pids: number[];
  /** 0 for kernel threads and zombies. */
  rssBytes: number;
  capabilities: CapabilityMasks;
  noNewPrivileges: boolean;
  /** 0 off, 1 strict, 2 filter. */
  seccomp: number;
  /** How many filters are installed; absent before Linux 5.9. */
  seccompFilters?: number;
  /** Octal, as the kernel writes it; absent for kernel threads and zombies. */
  umask?: string;
}

/** @throws a terrariumError (Internal) when a field that Linux 4.10 and later always write is missing. */
export function parseStatus(text: string): ProcessStatus {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) {
      fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
    }
  }
  const field = (name: string) => {
    const value = fields.get(name);
    if (value === undefined) {
      throw terrariumError(ErrorCode.Internal, `/proc/PID/status has no field ${name}`);
    }
    return value;
  };
  const mask = (name: string) => BigInt(`0x${field(name)}`);
  const filters = fields.get('Seccomp_filters');
  const umask = fields.get('Umask');
  return {
    parentPid: Number(field('PPid')),
    state: field('State').slice(0, 1),
    uids: fourIds(numbers(field('Uid'))),
    gids: fourIds(numbers(field('Gid'))),
    groups: numbers(field('Groups')),
    pids: numbers(field('NSpid')),
    rssBytes: Number.parseInt(fields.get('VmRSS') ?? '0', 10) * 1024,
    capabilities: {
      inheritable: mask('CapInh'),
      permitted: mask('CapPrm'),
      effective: mask('CapEff'),
      bounding: mask('CapBnd'),
      ambient: mask('CapAmb'),
    },
    noNewPrivileges: field('NoNewPrivs') === '1',
    // Absent from kernels built without seccomp.
    seccomp: Number(fields.get('Seccomp') ?? '0'),
    ...(filters === undefined ? {} : { seccompFilters: Number(filters) }),
    ...(umask === undefined ? {} : { umask }),
  };
}

/** Status of a process, or undefined when it has ended. */
export function readStatus(pid: number, proc = procFolder): ProcessStatus | undefined {
  const text = unlessGone(() => readFileSync(`${proc}/${pid}/status`, 'utf8'));
  return text === undefined ? undefined : parseStatus(text);
}

function numbers(text: string): number[] {
  return text === '' ? [] : text.split(/\s+/).map(Number);
}

function fourIds(ids: number[]): [number, number, number, number] {
  const [real, effective, saved, fileSystem] = ids;
  if (real === undefined || effective === undefined || saved === undefined || fileSystem === undefined) {
    throw terrariumError(ErrorCode.Internal, `/proc/PID/status has ${ids.length} ids where four belong`);
  }
  return [real, effective, saved, fileSystem];
}

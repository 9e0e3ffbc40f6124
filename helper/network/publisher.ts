/** Starts the process that publishes a port: the stage's role `publish`, see docs/stage.md. */
import { execFile } from 'node:child_process';
import type { Machine } from '../container/machine.js';
import type { RuntimeRecord } from '../container/record.js';
import { processIdentity } from '../inspect/stat.js';
import {
  ErrorCode,
  type PortMapping,
  type ProcessIdentity,
  type PublishedPort,
  type TerrariumError,
  terrariumError,
} from '../protocol/index.js';
import { findPortHolder } from './sockets.js';

/** `alsoAt`: a second address. */
export type WholeMapping = Required<PortMapping> & Pick<PublishedPort, 'alsoAt'>;

/** It enters a namespace, which never takes long. */
const patienceMilliseconds = 10_000;

/** For people: `127.0.0.1:8080/tcp`, `localhost:8080/tcp` when it is at both addresses that this name stands for. */
export function portText({ address, alsoAt, hostPort, protocol }: Omit<WholeMapping, 'containerPort'>): string {
  const place = alsoAt !== undefined ? 'localhost' : address.includes(':') ? `[${address}]` : address;
  return `${place}:${hostPort}/${protocol}`;
}

/** @throws WrongState when the port is taken, Unavailable when it may not be had, NotFound when the container has ended */
export async function startPublisher(
  { stage }: Pick<Machine, 'stage'>,
  { init, monitor }: Pick<RuntimeRecord, 'init' | 'monitor'>,
  mapping: WholeMapping,
): Promise<ProcessIdentity> {
  const { protocol, address, alsoAt, hostPort, containerPort } = mapping;
  const addresses = [address, ...(alsoAt === undefined ? [] : [alsoAt])].join(',');
  const said = await run(stage, [
    // Into the user namespace of the monitor: it has a say over the container's network, whoever made that.
    ...['enter', `${monitor.pid}:${monitor.startTime}`, '--', stage],
    ...['publish', `${init.pid}:${init.startTime}`, protocol, addresses, String(hostPort), String(containerPort)],
  ]);
  const pid = /^ok (\d+)$/m.exec(said)?.[1];
  const publisher = pid === undefined ? undefined : processIdentity(Number(pid));
  if (publisher !== undefined) return publisher;
  const [, syscall = '', errno = '', text = said] = /^error (\S+) (\S+) (.*)$/m.exec(said) ?? [];
  throw refusal(mapping, { syscall, errno, text: pid === undefined ? text : 'it ended at once' });
}

/** What it says on its standard output, or why it could not be started. */
function run(program: string, args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: '/', env: {}, timeout: patienceMilliseconds }, (error, stdout, stderr) => {
      resolve(stdout.trim() || stderr.trim() || error?.message || 'it ended without a word');
    });
  });
}

function refusal(
  mapping: WholeMapping,
  { syscall, errno, text }: { syscall: string; errno: string; text: string },
): TerrariumError {
  const place = portText(mapping);
  const data = { ...(syscall === '' ? {} : { syscall }), ...(errno === '' ? {} : { errno }) };
  if (errno === 'EADDRINUSE') {
    const holder = findPortHolder(mapping.protocol, mapping.hostPort);
    const who = holder === undefined ? 'a process of another user' : `process ${holder.pid} (${holder.command})`;
    return terrariumError(ErrorCode.WrongState, `${place} is taken by ${who}`, {
      ...data,
      cause: 'Only one process can listen at a port.',
      fix: 'Choose another port of this machine, or end that process.',
    });
  }
  if (errno === 'EACCES') {
    return terrariumError(ErrorCode.Unavailable, `${place} cannot be published by you`, {
      ...data,
      // ip(7): net.ipv4.ip_unprivileged_port_start, by default 1024.
      cause: 'Ports below net.ipv4.ip_unprivileged_port_start are for the administrator.',
      fix: 'Choose a port from 1024 on, or have that setting lowered.',
      command: `sudo sysctl net.ipv4.ip_unprivileged_port_start=${mapping.hostPort}`,
    });
  }
  if (errno === 'EADDRNOTAVAIL') {
    return terrariumError(ErrorCode.Invalid, `${place} cannot be published: this machine has no such address`, {
      ...data,
      fix: 'Give one that it has (ip address), or none: then it is 127.0.0.1.',
    });
  }
  if (errno === 'ESRCH') {
    return terrariumError(ErrorCode.NotFound, `${place} cannot be published: the container has ended`, data);
  }
  return terrariumError(ErrorCode.StepFailed, `${place} could not be published: ${text}`, { ...data, cause: text });
}

import { ErrorCode, terrariumError } from '../protocol/index.js';

/** 'TLDG', read as a little-endian u32. */
export const answerMagic = 0x47444c54;
const answerVersion = 1;
const headerBytes = 48;
const ledgerBytesAt = 40;
const recordHeaderBytes = 32;
const noStep = 0xffff_ffff;

/** An argument as the stage recorded it; what the numbers mean is for the ledger's rendering to say. */
export type RecordedArgument =
  | { type: 'number' | 'flags'; value: bigint }
  /** Bytes that are not UTF-8 show as U+FFFD; longer than 1024 bytes are cut. */
  | { type: 'text'; value: string }
  | { type: 'descriptor'; value: number };

/** One system call. */
export interface RecordedCall {
  /** Index into the plan. */
  step: number;
  actor: 'monitor' | 'init';
  name: string;
  args: RecordedArgument[];
  /** What the call returned, 0 when it failed. */
  result: number;
  /** Positive errno, 0 for success. */
  errno: number;
  /** CLOCK_MONOTONIC, nanoseconds. */
  start: bigint;
  /** Nanoseconds. */
  duration: number;
}

export interface Answer {
  /** `done`: the plan had no `clone`, so nothing runs. */
  status: 'running' | 'failed' | 'done';
  /** As the stage's pid namespace sees it, which is the machine's; 0 when nothing runs. */
  pid: number;
  monitorPid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat. */
  startTime: number;
  monitorStartTime: number;
  /** Index into the plan; absent when no step failed, also for a plan that could not be decoded (EBADMSG). */
  failedStep?: number;
  /** Positive errno, 0 for none. */
  errno: number;
  records: RecordedCall[];
  /** Calls that no longer fitted. */
  dropped: number;
}

/**
 * The stage's answer to a plan, whole: everything read from the connection until its end (docs/stage.md, "A request").
 * Throws `Internal` for what is no such answer, and for an empty one: the stage died before it could answer.
 */
export function parseAnswer(bytes: Uint8Array): Answer {
  const answer = openAnswer(bytes);
  return { ...answer, records: answer.records };
}

/** Bytes of the whole answer that begins with these; undefined when that cannot be told yet. */
export function answerSize(begin: Uint8Array): number | undefined {
  if (begin.length < headerBytes) return undefined;
  return headerBytes + Buffer.from(begin.buffer, begin.byteOffset, begin.byteLength).readUInt32LE(ledgerBytesAt);
}

/**
 * The same, its records parsed when they are first asked for: a start has hundreds of them, and whoever waits for it
 * wants to know only that it runs.
 */
export function openAnswer(bytes: Uint8Array): Answer {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length === 0) throw malformed('the connection closed without one');
  if (view.length < headerBytes) throw malformed(`${view.length} bytes are less than its header`);
  if (view.readUInt32LE(0) !== answerMagic) throw malformed('it does not start with TLDG');
  const version = view.readUInt16LE(4);
  if (version !== answerVersion) throw malformed(`version ${version} is unknown`);
  const status = (['running', 'failed', 'done'] as const)[view.readUInt16LE(6)];
  if (status === undefined) throw malformed(`status ${view.readUInt16LE(6)} is unknown`);
  const ledgerBytes = view.readUInt32LE(ledgerBytesAt);
  if (view.length !== headerBytes + ledgerBytes) {
    throw malformed(`it announces ${headerBytes + ledgerBytes} bytes and has ${view.length}`);
  }
  const failedStep = view.readUInt32LE(32);
  let records: RecordedCall[] | undefined;
  return {
    status,
    pid: view.readUInt32LE(8),
    monitorPid: view.readUInt32LE(12),
    startTime: Number(view.readBigUInt64LE(16)),
    monitorStartTime: Number(view.readBigUInt64LE(24)),
    ...(failedStep === noStep ? {} : { failedStep }),
    errno: view.readUInt32LE(36),
    dropped: view.readUInt32LE(44),
    get records() {
      records ??= parseRecords(view.subarray(headerBytes));
      return records;
    },
  };
}

function parseRecords(ledger: Buffer): RecordedCall[] {
  const records: RecordedCall[] = [];
  for (let offset = 0; offset < ledger.length; ) {
    if (ledger.length - offset < recordHeaderBytes) throw malformed(`the record at ${offset} has no whole header`);
    const bytes = ledger.readUInt16LE(offset);
    if (bytes < recordHeaderBytes || bytes > ledger.length - offset) {
      throw malformed(`the record at ${offset} announces ${bytes} bytes`);
    }
    records.push(parseRecord(ledger.subarray(offset, offset + bytes)));
    offset += bytes;
  }
  return records;
}

function parseRecord(record: Buffer): RecordedCall {
  const actor = (['monitor', 'init'] as const)[record.readUInt8(4)];
  if (actor === undefined) throw malformed(`actor ${record.readUInt8(4)} is unknown`);
  const argumentCount = record.readUInt8(5);
  const nameEnd = recordHeaderBytes + record.readUInt8(6);
  if (nameEnd > record.length) throw malformed('a name goes beyond its record');
  const args: RecordedArgument[] = [];
  let offset = nameEnd;
  for (let i = 0; i < argumentCount; i++) {
    const { argument, end } = parseArgument(record, offset);
    args.push(argument);
    offset = end;
  }
  if (offset !== record.length) throw malformed('a record is longer than its arguments');
  const result = Number(record.readBigInt64LE(8));
  return {
    step: record.readUInt16LE(2),
    actor,
    name: record.toString('latin1', recordHeaderBytes, nameEnd),
    args,
    result: Math.max(result, 0),
    errno: Math.max(-result, 0),
    start: record.readBigUInt64LE(16),
    duration: Number(record.readBigUInt64LE(24)),
  };
}

function parseArgument(record: Buffer, offset: number): { argument: RecordedArgument; end: number } {
  const need = (bytes: number): void => {
    if (offset + bytes > record.length) throw malformed('an argument goes beyond its record');
  };
  need(1);
  const type = record.readUInt8(offset);
  switch (type) {
    case 0:
      need(9);
      return { argument: { type: 'number', value: record.readBigInt64LE(offset + 1) }, end: offset + 9 };
    case 1:
      need(9);
      return { argument: { type: 'flags', value: record.readBigUInt64LE(offset + 1) }, end: offset + 9 };
    case 2: {
      need(3);
      const end = offset + 3 + record.readUInt16LE(offset + 1);
      need(end - offset);
      return { argument: { type: 'text', value: record.toString('utf8', offset + 3, end) }, end };
    }
    case 3:
      need(9);
      return {
        argument: { type: 'descriptor', value: Number(record.readBigInt64LE(offset + 1)) },
        end: offset + 9,
      };
    default:
      throw malformed(`argument type ${type} is unknown`);
  }
}

function malformed(message: string): Error {
  return terrariumError(ErrorCode.Internal, `The stage's answer cannot be read: ${message}`);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAnswer } from '../../../helper/plan/answer.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

interface Header {
  status?: number;
  failedStep?: number;
  errno?: number;
  version?: number;
}

function answer(ledger: Buffer, { status = 0, failedStep = 0xffff_ffff, errno = 0, version = 1 }: Header = {}): Buffer {
  const header = Buffer.alloc(48);
  header.write('TLDG');
  header.writeUInt16LE(version, 4);
  header.writeUInt16LE(status, 6);
  header.writeUInt32LE(1234, 8);
  header.writeUInt32LE(1230, 12);
  header.writeBigUInt64LE(777n, 16);
  header.writeBigUInt64LE(770n, 24);
  header.writeUInt32LE(failedStep, 32);
  header.writeUInt32LE(errno, 36);
  header.writeUInt32LE(ledger.length, 40);
  header.writeUInt32LE(3, 44);
  return Buffer.concat([header, ledger]);
}

function integer(type: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9, type);
  bytes.writeBigInt64LE(value, 1);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.alloc(3, 2);
  bytes.writeUInt16LE(Buffer.byteLength(value), 1);
  return Buffer.concat([bytes, Buffer.from(value)]);
}

function record(name: string, args: Buffer[], result: bigint, actor = 1): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt16LE(7, 2);
  header.writeUInt8(actor, 4);
  header.writeUInt8(args.length, 5);
  header.writeUInt8(name.length, 6);
  header.writeBigInt64LE(result, 8);
  header.writeBigUInt64LE(9_007_199_254_740_993n, 16);
  header.writeBigUInt64LE(1500n, 24);
  const whole = Buffer.concat([header, Buffer.from(name), ...args]);
  whole.writeUInt16LE(whole.length, 0);
  return whole;
}

const mount = record('mount', [text('tmpfs'), text('/é'), integer(1, 6n), integer(0, -1n), integer(3, -100n)], -13n);

test('an answer with records', () => {
  const parsed = parseAnswer(
    answer(Buffer.concat([mount, record('getpid', [], 5n, 0)]), { failedStep: 7, errno: 13, status: 1 }),
  );
  assert.deepEqual(parsed, {
    status: 'failed',
    pid: 1234,
    monitorPid: 1230,
    startTime: 777,
    monitorStartTime: 770,
    failedStep: 7,
    errno: 13,
    dropped: 3,
    records: [
      {
        step: 7,
        actor: 'init',
        name: 'mount',
        args: [
          { type: 'text', value: 'tmpfs' },
          { type: 'text', value: '/é' },
          { type: 'flags', value: 6n },
          { type: 'number', value: -1n },
          { type: 'descriptor', value: -100 },
        ],
        result: 0,
        errno: 13,
        start: 9_007_199_254_740_993n,
        duration: 1500,
      },
      {
        step: 7,
        actor: 'monitor',
        name: 'getpid',
        args: [],
        result: 5,
        errno: 0,
        start: 9_007_199_254_740_993n,
        duration: 1500,
      },
    ],
  });
});

test('no failed step is absent, not a number', () => {
  assert.equal('failedStep' in parseAnswer(answer(Buffer.alloc(0), { status: 2 })), false);
  assert.equal(parseAnswer(answer(Buffer.alloc(0), { status: 2 })).status, 'done');
});

test('what is no answer is refused', () => {
  const refused = (bytes: Buffer, pattern: RegExp): void =>
    assert.throws(
      () => parseAnswer(bytes),
      (error: unknown) => {
        assert.ok(error instanceof Error);
        assert.equal((error as Error & { code: number }).code, ErrorCode.Internal);
        assert.match(error.message, pattern);
        return true;
      },
    );
  refused(Buffer.alloc(0), /closed without one/);
  refused(answer(mount).subarray(0, 47), /less than its header/);
  refused(Buffer.concat([Buffer.from('XXXX'), answer(mount).subarray(4)]), /TLDG/);
  refused(answer(mount, { version: 2 }), /version 2/);
  refused(answer(mount, { status: 9 }), /status 9/);
  refused(Buffer.concat([answer(mount), Buffer.alloc(1)]), /announces/);
  refused(answer(record('x', [], 0n, 2)), /actor 2/);
  refused(answer(record('x', [Buffer.of(4)], 0n)), /argument type 4/);
});

test('every cut and every flipped byte of a ledger is either read or refused, never a crash', () => {
  let refusals = 0;
  const attempt = (bytes: Buffer): void => {
    try {
      parseAnswer(bytes);
    } catch (error) {
      assert.equal((error as { code?: number }).code, ErrorCode.Internal, String(error));
      refusals++;
    }
  };
  for (let length = 1; length < mount.length; length++) attempt(answer(mount.subarray(0, length)));
  assert.equal(refusals, mount.length - 1);
  for (let at = 0; at < mount.length; at++) {
    const changed = Buffer.from(mount);
    changed.writeUInt8(changed.readUInt8(at) ^ 0xff, at);
    attempt(answer(changed));
  }
  assert.ok(refusals > mount.length);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { describeFailure, exitStatus, json, printable, statusOf } from '../../../cli/failure.js';
import { LogEscaper } from '../../../cli/logText.js';
import { volumeTable } from '../../../cli/mounts.js';
import { age, bytes, table } from '../../../cli/table.js';
import { ErrorCode, terrariumError } from '../../../helper/protocol/index.js';

/** Control characters but line ends: what a terminal obeys. */
const obeyed = /[^\P{Cc}\n]/u;
const hostile = 'a\u001b[2J\u0007\u007f\u009b31m\rb\tc\u0000';

describe('what is printed', () => {
  test('holds nothing that a terminal obeys', () => {
    assert.equal(printable('a\u001b[2J\u009b\n\u007f\u0000é🐢'), 'a\\x1b[2J\\x9b\n\\x7f\\x00é🐢');
    assert.doesNotMatch(printable(hostile), obeyed);
    assert.doesNotMatch(
      table([
        [hostile, 'x'],
        ['y', hostile],
      ]),
      obeyed,
    );
    assert.doesNotMatch(describeFailure(new Error(hostile)), obeyed);
  });

  test('is still JSON when it is JSON', () => {
    const value = { [hostile]: [hostile, 'é', '\u0085'] };
    assert.doesNotMatch(json(value), obeyed);
    assert.deepEqual(JSON.parse(json(value)), value);
  });

  test('stands in columns; a line end in a cell does not start a row', () => {
    assert.equal(
      table([
        ['A', 'B'],
        ['long', 'x'],
        ['s', 'y\nz'],
      ]),
      'A     B\nlong  x\ns     y z',
    );
    assert.equal(table([]), '');
  });

  test('gives sizes and ages in units for people', () => {
    assert.deepEqual([0, 1023, 1024, 1536, 1024 ** 5].map(bytes), ['0 B', '1023 B', '1 KiB', '1.5 KiB', '1024 TiB']);
    const now = Date.parse('2026-01-02T00:00:00Z');
    const ages = [0, 59, 60, 3599, 3600, 86_399, 86_400].map((seconds) =>
      age(new Date(now - seconds * 1000).toISOString(), now),
    );
    assert.deepEqual(ages, ['0 s', '59 s', '1 min', '59 min', '1 h', '23 h', '1 d']);
    assert.equal(age('2027-01-01T00:00:00Z', now), '0 s', 'a clock that was set back');
  });
});

describe('volumes', () => {
  const base = { createdAt: '2026-01-01T00:00:00Z', path: '/v' };
  const now = Date.parse('2026-01-03T00:00:00Z');
  const usedBy = [{ container: '1', name: 'web', destination: '/data', mounted: false }];

  test('are listed with who has them, and with their sizes when those were asked for', () => {
    const volumes = [
      { ...base, name: 'db', usedBy },
      { ...base, name: 'spare', usedBy: [] },
    ];
    assert.equal(
      volumeTable(volumes, now),
      'VOLUME  CREATED  USED BY\ndb      2 d ago  web:/data (not mounted)\nspare   2 d ago  ',
    );
    const sized = volumes.map((volume) => ({ ...volume, sizeBytes: 2048 }));
    assert.match(volumeTable(sized, now), /^VOLUME +CREATED +SIZE +USED BY\ndb +2 d ago +2 KiB +web/);
  });
});

describe('what a container has printed', () => {
  const shown = (...pieces: (string | number[])[]): string => {
    const escaper = new LogEscaper();
    return pieces.map((piece) => escaper.write(Buffer.from(piece as string))).join('') + escaper.end();
  };

  test('has line ends and tabs, and nothing else that a terminal obeys', () => {
    assert.equal(shown('a\tb\r\nc\n'), 'a\tb\nc\n');
    assert.equal(shown('\u001b]52;c;eA==\u0007\u001b[2J'), '\\x1b]52;c;eA==\\x07\\x1b[2J');
    assert.equal(shown('good\rbad', '\r'), 'good\\x0dbad\\x0d');
    assert.equal(shown('\u202egnp'), '\\u202egnp');
  });

  test('is whole wherever it is cut', () => {
    assert.equal(shown('a\r', '\nb'), 'a\nb');
    assert.equal(shown([0xf0, 0x9f], [0x90, 0xa2]), '🐢');
    // A C1 control in UTF-8, cut between its bytes; then bytes that are no UTF-8.
    assert.equal(shown([0xc2], [0x9b, 0x41]), '\\x9bA');
    assert.equal(shown([0x9b, 0xff]), '\ufffd\ufffd');
  });
});

describe('a failure', () => {
  const failure = terrariumError(ErrorCode.StepFailed, 'web could not be started', {
    step: 'mount',
    errno: 'EPERM',
    cause: 'Because.',
    fix: 'Do this.',
    command: 'sudo x',
    ledger: { container: 'abc', operation: 'start-1' },
  });

  test('says what, why, what to do, and where there is more', () => {
    assert.deepEqual(describeFailure(failure).split('\n'), [
      'terrarium: web could not be started',
      '  cause: Because.',
      '  fix:   Do this.',
      '         sudo x',
      '  more:  terrarium ledger abc --operation start-1',
    ]);
    assert.equal(describeFailure('text'), 'terrarium: text');
  });

  test('has the status that shells and container engines give it', () => {
    const executing = (errno: string) => terrariumError(ErrorCode.StepFailed, '', { step: 'execute', errno });
    assert.equal(statusOf(executing('ENOENT')), exitStatus.notFound);
    assert.equal(statusOf(executing('EACCES')), exitStatus.cannotExecute);
    assert.equal(statusOf(failure), exitStatus.failed);
    assert.equal(
      statusOf(terrariumError(ErrorCode.NotFound, '', { step: 'execute', errno: 'ENOENT' })),
      exitStatus.failed,
    );
    assert.equal(statusOf(new Error('x')), exitStatus.failed);
    assert.deepEqual([exitStatus.failed, exitStatus.cannotExecute, exitStatus.notFound], [125, 126, 127]);
  });
});

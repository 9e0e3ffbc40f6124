import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logText } from '../../../extension/documents/logText.js';
import { followArguments, recordOf, type TerminalRecords } from '../../../extension/terminal/terminalRecord.js';
import type { LogEntry } from '../../../helper/protocol/index.js';

describe('what a terminal is connected to', () => {
  const records: TerminalRecords = {
    '100': { socket: '/run/a.sock', container: 'a', use: 'shell', pid: 7, name: 'web' },
    '200': { socket: '/run/b.sock', container: 'b', use: 'main', name: 'db' },
    '300': { socket: '/run/b.sock', container: 'b', use: 'log', name: 'db log' },
  };

  it('is known by its socket', () => {
    const terminal = { name: 'renamed', shellArgs: ['attach', '/run/a.sock'], processId: 999 };
    assert.equal(recordOf(terminal, records)?.container, 'a');
  });

  it('is known after a reload, when the editor has no arguments any more', () => {
    assert.equal(recordOf({ name: 'web', shellArgs: [], processId: 100 }, records)?.pid, 7);
  });

  it('is not mistaken for another whose process id was recycled', () => {
    assert.equal(recordOf({ name: 'bash', shellArgs: [], processId: 100 }, records), undefined);
    assert.equal(recordOf({ name: 'web', shellArgs: [], processId: undefined }, records), undefined);
  });

  it('tells a log from the terminal of the same process', () => {
    const log = followArguments({ socket: '/run/b.sock', program: 'stage', args: ['attach', '/run/b.sock'] });
    assert.equal(recordOf({ name: 'x', shellArgs: log, processId: 1 }, records)?.use, 'log');
    assert.equal(recordOf({ name: 'x', shellArgs: ['attach', '/run/b.sock'], processId: 1 }, records)?.use, 'main');
  });
});

describe('following a log', () => {
  it('takes no input, holds nothing up, and keeps what finds the end of a run', () => {
    const args = ['attach', '--replay', '65536', '--directory', '/d', '/run/b.sock'];
    assert.deepEqual(followArguments({ socket: '/run/b.sock', program: 'stage', args }), [
      'attach',
      '--no-stdin',
      '--no-hold',
      '--replay',
      '1048576',
      '--directory',
      '/d',
      '/run/b.sock',
    ]);
  });
});

describe('a log as a document', () => {
  const entry = (stream: LogEntry['stream'], bytes: Uint8Array | string): LogEntry => ({
    stream,
    time: '0',
    data: Buffer.from(bytes).toString('base64'),
  });

  it('has both streams in the order of printing', () => {
    assert.equal(logText([entry('stdout', 'a\n'), entry('stderr', 'b\n'), entry('stdout', 'c')]), 'a\nb\nc');
  });

  it('joins a character that was split over entries', () => {
    const [first, second] = [Buffer.from('ä').subarray(0, 1), Buffer.from('ä').subarray(1)];
    assert.equal(logText([entry('stdout', first), entry('stdout', second)]), 'ä');
  });

  it('says where output was dropped', () => {
    assert.match(logText([entry('gap', ''), entry('stdout', 'late')]), /dropped here.*\nlate$/s);
  });
});

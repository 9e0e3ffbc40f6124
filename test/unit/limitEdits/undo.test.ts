import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import type { Locations } from '../../../helper/container/locations.js';
import {
  emptyJournal,
  type Journal,
  type KeptEdit,
  mostEdits,
  readJournal,
  removeJournal,
  writeJournal,
} from '../../../helper/limits/journal.js';
import { changedSince, changesBack, undoableEdit } from '../../../helper/limits/undoable.js';

const target = { container: '0123456789ab' };

function edit(id: string, more: Partial<KeptEdit> = {}): KeptEdit {
  const changes = [{ name: 'pids.max', before: '40', after: '50' }];
  return { id, at: '2026-01-02T03:04:05.000Z', kind: 'edit', changes, life: 'now', settled: false, ...more };
}

const configured = { before: { resources: { pids: { limit: 40 } } }, after: { resources: { pids: { limit: 50 } } } };
const holds = (value: string, nextStart?: string) => ({
  live: true,
  readings: [{ name: 'pids.max', value, files: [], writable: true, ...(nextStart === undefined ? {} : { nextStart }) }],
});

describe('what can be undone', () => {
  const journal = (...edits: KeptEdit[]): Journal => ({ ...emptyJournal(target), edits });

  it('the latest that is not taken back', () => {
    const [first, second] = [edit('1'), edit('2')];
    assert.equal(undoableEdit(journal(first, second), 'now')?.id, '2');
    const undo = edit('3', { kind: 'undo', settled: true });
    assert.equal(undoableEdit(journal(first, { ...second, settled: true }, undo), 'now')?.id, '1');
    assert.equal(undoableEdit(journal(), 'now'), undefined);
  });

  it('what was for this start alone went with it', () => {
    assert.equal(undoableEdit(journal(edit('1')), 'later'), undefined);
    assert.equal(undoableEdit(journal(edit('1')), undefined), undefined);
    assert.equal(undoableEdit(journal(edit('1', { configured })), 'later')?.id, '1');
  });

  it('a trial before all others', () => {
    const owner = { pid: 1, startTime: 1, bootId: 'b' };
    const pending = { phase: 'trial', edit: edit('2'), owner, rollsBackAt: '', until: 'removed' } as const;
    assert.equal(undoableEdit({ ...journal(edit('1'), edit('2')), pending }, 'now')?.id, '2');
  });
});

describe('whether it still is as it was left', () => {
  const kept = edit('1', { configured });

  it('in the same run the kernel has to hold what was written', () => {
    assert.deepEqual(changedSince(kept, holds('50'), 'now', configured.after), []);
    assert.deepEqual(changedSince(kept, holds('55'), 'now', configured.after), ['pids.max']);
  });

  it('the configuration has to be as it was written; what is absent is empty', () => {
    assert.deepEqual(changedSince(kept, holds('50'), 'now', configured.before), ['configuration']);
    assert.deepEqual(changedSince(kept, holds('50'), 'now', { ...configured.after, rlimits: undefined }), []);
  });

  it('in a later run it may be rounded, but not another than the next start has', () => {
    assert.deepEqual(changedSince(kept, holds('49'), 'later', configured.after), []);
    assert.deepEqual(changedSince(kept, holds('55', '50'), 'later', configured.after), ['pids.max']);
  });
});

describe('what takes it back', () => {
  it('in the same run, what the kernel held', () => {
    assert.deepEqual(changesBack(edit('1', { configured }), 'now'), [{ name: 'pids.max', value: '40' }]);
  });

  it('in a later run, what the configuration had', () => {
    const live = [{ name: 'pids.max', before: '45', after: '50' }];
    assert.deepEqual(changesBack(edit('1', { configured, changes: live }), 'later'), [
      { name: 'pids.max', value: '40' },
    ]);
    const rlimits = { before: {}, after: { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 64 }] } };
    const changes = [{ name: 'RLIMIT_NOFILE', before: '1024', after: '64' }];
    assert.deepEqual(changesBack(edit('1', { configured: rlimits, changes }), 'later'), [
      { name: 'RLIMIT_NOFILE', value: 'max' },
    ]);
  });
});

describe('the journal', () => {
  const withFolder = (body: (locations: Locations) => Promise<void>) => async () => {
    const data = mkdtempSync(path.join(tmpdir(), 'terrarium-journal-'));
    try {
      await body({ data } as Locations);
    } finally {
      rmSync(data, { recursive: true });
    }
  };
  const silent = (message: string) => assert.fail(message);

  it(
    'comes back as it was written, with the latest edits alone',
    withFolder(async (locations) => {
      const edits = Array.from({ length: mostEdits + 7 }, (_, index) => edit(String(index), { configured }));
      await writeJournal(locations, 'key', { ...emptyJournal(target), edits });
      assert.deepEqual(readJournal(locations, 'key', silent), { version: 1, target, edits: edits.slice(7) });
      assert.deepEqual(readdirSync(path.join(locations.data, 'limits')), ['key.json']);
      await removeJournal(locations, 'key');
      assert.equal(readJournal(locations, 'key', silent), undefined);
    }),
  );

  it(
    'that is damaged counts as none, and that is told',
    withFolder(async (locations) => {
      await writeJournal(locations, 'key', emptyJournal(target));
      for (const text of ['', '{', '{"version":2}', JSON.stringify({ version: 1, target, edits: [{ id: 1 }] })]) {
        writeFileSync(path.join(locations.data, 'limits', 'key.json'), text);
        const told: string[] = [];
        assert.equal(
          readJournal(locations, 'key', (message) => told.push(message)),
          undefined,
        );
        assert.match(told.join(), /^edits of limits in key\.json are lost/);
      }
    }),
  );
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  askFor,
  askPreview,
  describeFailure,
  type FormState,
  newForm,
  receive,
  viewForm,
  withDraft,
  withPreset,
} from '../../../extension/limits/formState.js';
import { MiB, memory, reportOf, sampleOf } from './report.js';

const pids = { name: 'pids.max', value: '20', files: [], writable: true };
const denied = { name: 'cpu.max', value: 'max 100000', files: [], writable: false };
const report = reportOf([memory, pids, denied]);
/** As it is when the first report has come. */
const fresh = (drafts = {}): FormState => receive(newForm(drafts), { type: 'report', report }).state;
const change = { name: 'pids.max', value: '77' };
/** With a change that was asked for and not answered. */
const applying = (): FormState => askFor(fresh({ 'pids.max': '77' }), 'lasting', [change]) ?? assert.fail('refused');

describe('what is typed', () => {
  it('is a change as soon as it is valid and another value, and none once it is dropped', () => {
    const typed = withDraft(fresh(), 'pids.max', '77');
    assert.deepEqual(viewForm(typed, report).changes, [change]);
    assert.deepEqual(viewForm(withDraft(typed, 'pids.max', '20'), report).changes, []);
    assert.deepEqual(withDraft(typed, 'pids.max', undefined), fresh());
  });

  it('cannot be applied while any of it is invalid', () => {
    const { changes, invalid, actions } = viewForm(fresh({ 'pids.max': '77', 'memory.max': 'many' }), report);
    assert.deepEqual([changes, invalid, actions.canApply, actions.canRevert], [[change], true, false, true]);
  });

  it('by a preset is only what can be written here', () => {
    const preset = { 'memory.max': String(64 * MiB), 'cpu.max': '25000 100000', 'memory.swap.max': '0' };
    assert.deepEqual(withPreset(fresh({ 'pids.max': '77' }), preset).drafts, {
      'pids.max': '77',
      'memory.max': '64 MiB',
    });
  });
});

describe('a preview', () => {
  it('is asked for once of the same changes, and anew of others', () => {
    const first = askPreview(fresh(), [change]);
    assert.deepEqual(first.step, { kind: 'ask', request: 1 });
    assert.equal(askPreview(first.state, [change]).step.kind, 'leave');
    assert.deepEqual(askPreview(first.state, [{ ...change, value: '78' }]).step, { kind: 'ask', request: 2 });
  });

  it('is shown when it answers the latest request, and no other', () => {
    const { state } = askPreview(fresh(), [change]);
    const answer = { type: 'preview' as const, preview: { writes: [], forecasts: [] } };
    assert.equal(receive(state, { ...answer, request: 9 }).state, state);
    const shown = receive(state, { ...answer, request: 1 }).state;
    assert.deepEqual(shown.preview?.shown?.preview, answer.preview);
    assert.equal(askPreview(shown, []).state.preview, undefined, 'nothing to preview');
    const busy = { ...shown, pending: applying().pending };
    assert.equal(askPreview(busy, [change]).state.preview, shown.preview, 'kept while it is applied');
    const unanswered = { ...busy, preview: state.preview };
    assert.deepEqual(askPreview(unanswered, [change]), {
      state: { ...unanswered, preview: undefined },
      step: { kind: 'cancel' },
    });
  });

  it('is void with each report: other writes may do the same now', () => {
    const { state } = askPreview(fresh(), [change]);
    assert.equal(receive(state, { type: 'report', report }).state.preview, undefined);
  });
});

describe('asking', () => {
  it('is for one thing at a time, and of something that is there', () => {
    const state = fresh();
    assert.deepEqual(askFor(state, 'trial', [change])?.pending, { request: 1, changes: [change], how: 'trial' });
    assert.equal(askFor(state, 'trial', []), undefined);
    assert.deepEqual(askFor(state, 'undo', [change])?.pending, { request: 1, changes: [], how: 'undo' });
    assert.equal(askFor(applying(), 'undo', []), undefined);
    assert.equal(askFor({ ...state, gone: true }, 'undo', []), undefined);
  });

  it('is over with its answer alone, which takes away the drafts that were applied', () => {
    const other = receive(applying(), { type: 'report', report, announce: 'Changed elsewhere.' });
    assert.ok(other.state.pending !== undefined && other.state.drafts['pids.max'] === '77');
    assert.deepEqual(other.status, { text: 'Changed elsewhere.', kind: 'plain' });
    assert.equal(receive(applying(), { type: 'report', report, answers: 9 }).state.drafts['pids.max'], '77');

    const held = reportOf([memory, { ...pids, value: '77' }]);
    const { state, status } = receive(withDraft(applying(), 'memory.max', '1 GiB'), {
      type: 'report',
      report: held,
      answers: 1,
    });
    assert.deepEqual([state.pending, state.drafts], [undefined, { 'memory.max': '1 GiB' }]);
    assert.deepEqual(status, { text: 'Applied 1 limit and read back.', kind: 'plain' });
  });

  it('that fails keeps the drafts, and is over when it was what failed', () => {
    const failed = { type: 'failed', message: 'The kernel refused it.' } as const;
    const { state, status } = receive(applying(), { ...failed, request: 1 });
    assert.deepEqual([state.pending, state.drafts['pids.max']], [undefined, '77']);
    assert.deepEqual(status, { text: 'The kernel refused it.', kind: 'error' });
    assert.notEqual(receive(applying(), failed).state.pending, undefined);
    assert.deepEqual(describeFailure({ cause: 'EBUSY.', fix: 'Wait.' }), {
      reason: 'EBUSY. Wait.',
      remedy: '',
    });
    assert.deepEqual(describeFailure({ command: 'ulimit -n' }), { reason: '', remedy: 'ulimit -n' });
    assert.equal(describeFailure({}), undefined);
  });
});

describe('samples', () => {
  const details = sampleOf({ pids: { count: 3 } });
  const sampled = receive(fresh(), { type: 'sample', sample: { at: 0, values: {} }, marks: [], details }).state;

  it('are newer than the report, until there is nothing to sample', () => {
    assert.equal(sampled.details, details);
    assert.equal(receive(sampled, { type: 'report', report }).state.details, details);
    assert.equal(receive(sampled, { type: 'report', report: { ...report, live: false } }).state.details, undefined);
    const gone = receive(sampled, { type: 'gone', message: '' }).state;
    assert.deepEqual([gone.gone, gone.details], [true, undefined]);
    assert.equal(receive(gone, { type: 'report', report }).state.gone, false, 'it may come again');
  });
});

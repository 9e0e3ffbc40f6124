import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isForeign, type Known, marksOfEdits, newsOfContainers, relationOf } from '../../../extension/limits/news.js';
import type { LimitEdit } from '../../../helper/protocol/limits.js';

const known = (more: Partial<Known> = {}): Known => ({
  target: { container: 'c' },
  report: { target: { container: 'c' }, title: 'web' },
  gone: false,
  state: 'running',
  ...more,
});

describe('an edit of limits', () => {
  it('is of the target by either of its names, of a group above, or of something else', () => {
    const group = known({ target: { cgroup: '/a/lab' }, report: { target: { group: 'lab' }, title: 'lab' } });
    assert.equal(relationOf(group, { group: 'lab' }), 'same');
    assert.equal(relationOf(group, { cgroup: '/a/lab' }), 'same');
    assert.equal(relationOf({ ...group, report: undefined }, { group: 'lab' }), 'above');
    assert.equal(relationOf(known(), { group: 'lab' }), 'above');
    assert.equal(relationOf(known(), { container: 'other' }), 'other');
  });

  it('is announced when nobody asked for it here, and when time took it back', () => {
    const own = new Set(['mine']);
    assert.equal(isForeign({ id: 'theirs', kind: 'edit' }, own, 0), true);
    assert.equal(isForeign({ id: 'mine', kind: 'edit' }, own, 0), false);
    assert.equal(isForeign({ id: 'theirs', kind: 'edit' }, own, 1), false, 'it may be the one that is awaited');
    assert.equal(isForeign({ id: 'mine', kind: 'rollback' }, own, 1), true);
  });

  it('is marked when it is of the time that is shown', () => {
    const edit = (id: string, at: string): LimitEdit => ({
      id,
      at,
      kind: 'edit',
      changes: [{ name: 'pids.max', before: 'max', after: '20' }],
    });
    const edits = [edit('old', '2026-01-01T10:00:00Z'), edit('new', '2026-01-01T10:05:00Z')];
    const marks = marksOfEdits(edits, Date.parse('2026-01-01T10:05:00Z'));
    assert.deepEqual(
      marks.map(({ id }) => id),
      ['edit-new'],
    );
  });
});

describe('other states of containers', () => {
  const web = { id: 'c', name: 'web', state: 'running' } as const;

  it('are news of a container that is gone, started, stopped or renamed', () => {
    assert.deepEqual(newsOfContainers(known(), [web]), { news: 'none', state: 'running' });
    assert.deepEqual(newsOfContainers(known(), [{ ...web, state: 'stopped' }]), { news: 'changed', state: 'stopped' });
    assert.equal(newsOfContainers(known(), [{ ...web, name: 'shop' }]).news, 'changed');
    assert.deepEqual(newsOfContainers(known(), []), { news: 'gone', state: 'running' });
    assert.equal(newsOfContainers(known({ gone: true }), []).news, 'none', 'it was said already');
  });

  it('are news of every group, and of a control group that may have come again', () => {
    assert.equal(newsOfContainers(known({ target: { group: 'lab' } }), [web]).news, 'changed');
    assert.equal(newsOfContainers(known({ target: { cgroup: '/a' } }), [web]).news, 'none');
    assert.equal(newsOfContainers(known({ target: { cgroup: '/a' }, gone: true }), [web]).news, 'changed');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ChangeSet } from '../../../extension/changes/changeSet.js';
import {
  changeDocument,
  changeLook,
  changeView,
  groupLabel,
  revertQuestion,
} from '../../../extension/changes/changeText.js';
import { looksBinary } from '../../../extension/files/binary.js';
import type { Change, FileEntry } from '../../../helper/protocol/index.js';

const change = (more: Partial<Change> = {}): Change => ({
  path: '/etc/hosts',
  kind: 'modified',
  entry: 'file',
  what: ['content'],
  sizeBytes: 10,
  ...more,
});
const entry = (more: Partial<FileEntry> = {}): FileEntry => ({
  name: 'hosts',
  kind: 'file',
  size: 10,
  mode: 0o644,
  uid: 0,
  gid: 0,
  hostUid: 1500,
  hostGid: 1500,
  mtime: 0,
  ctime: 0,
  links: 1,
  ...more,
});

describe('a change in the list', () => {
  it('has the letter and colour that git has, and deleted is struck through', () => {
    const looks = (['added', 'modified', 'deleted', 'renamed'] as const).map((kind) => changeLook(change({ kind })));
    assert.deepEqual(
      looks.map(({ letter }) => letter),
      ['A', 'M', 'D', 'R'],
    );
    assert.deepEqual(
      looks.map(({ strikeThrough }) => strikeThrough),
      [false, false, true, false],
    );
    assert.ok(looks.every(({ color }) => color.startsWith('gitDecoration.')));
  });

  it('says what was modified, and from where it was renamed', () => {
    assert.equal(changeLook(change({ what: ['mode', 'owner'] })).tooltip, 'Modified: mode, owner');
    assert.equal(changeLook(change({ kind: 'renamed', what: [], from: '/a\u202Eb' })).tooltip, 'Renamed from /ab');
  });

  it('is a diff only where there are two texts', () => {
    assert.equal(changeView(change()), 'diff');
    assert.equal(changeView(change({ what: ['content', 'mode'] })), 'diff');
    assert.equal(changeView(change({ kind: 'renamed', from: '/a' })), 'diff');
    assert.equal(changeView(change({ what: ['mode'] })), 'words');
    assert.equal(changeView(change({ what: ['content', 'type'] })), 'words');
    assert.equal(changeView(change({ entry: 'directory', kind: 'added' })), 'words');
    assert.equal(changeView(change({ entry: 'symlink', what: ['target'] })), 'words');
    assert.equal(changeView(change({ kind: 'added' })), 'added');
    assert.equal(changeView(change({ kind: 'deleted' })), 'deleted');
  });

  it('is no text with a NUL in it', () => {
    assert.ok(looksBinary(Buffer.from('\x7fELF\x02\x01\x01\0')));
    assert.ok(!looksBinary(Buffer.from('text, auch mit ü')));
  });
});

describe('a change in words', () => {
  it('marks what differs', () => {
    const text = changeDocument(
      change({ what: ['mode'] }),
      entry(),
      entry({ mode: 0o600, capabilities: 'cap_kill=ep' }),
    );
    assert.match(text, /^\* Mode {10}-rw-r--r-- \(644\) +-rw------- \(600\)$/m);
    assert.match(text, /^\* Capabilities +none +cap_kill=ep$/m);
    assert.match(text, /^ {2}Owner +0 \(0:0\) +0 \(0:0\)$/m);
  });

  it('has one side of what came or went', () => {
    assert.match(changeDocument(change({ kind: 'added' }), undefined, entry()), /^\* Kind +– +file$/m);
    assert.match(changeDocument(change({ kind: 'deleted' }), entry(), undefined), /^\* Kind +file +–$/m);
  });

  it('is text whatever names say', () => {
    const hostile = 'a\x1b]0;x\x07\u202E\nb';
    const text = changeDocument(change({ path: hostile }), entry({ user: hostile, target: hostile }), undefined);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\u202e]/);
  });
});

describe('the changes of a container', () => {
  const set = new ChangeSet({
    changes: [
      change(),
      change({ path: '/srv/site', kind: 'added', entry: 'directory' }),
      change({ path: '/opt/new', kind: 'renamed', entry: 'directory', from: '/opt/old' }),
      change({ path: '/var', entry: 'directory', what: ['mode'] }),
    ],
  });

  it('cover what lies in folders that were added or moved, not in those that were modified', () => {
    assert.equal(set.covering('/etc/hosts')?.path, '/etc/hosts');
    assert.equal(set.covering('/srv/site/a/b')?.path, '/srv/site');
    assert.equal(set.covering('/opt/new/a')?.path, '/opt/new');
    assert.equal(set.covering('/var/log'), undefined);
    assert.equal(set.covering('/srv'), undefined);
    assert.equal(set.covering('/'), undefined);
  });

  it('know where the original of a file is', () => {
    assert.equal(set.original('/etc/hosts'), '/etc/hosts');
    assert.equal(set.original('/etc/other'), '/etc/other');
    assert.equal(set.original('/srv/site/a'), undefined);
    assert.equal(set.original('/opt/new/a'), '/opt/old/a');
  });

  it('say when there are more than are listed', () => {
    assert.equal(groupLabel({ changes: [change()] }), 'Changes');
    assert.match(groupLabel({ changes: [change()], truncated: true }), /first 1/);
  });

  it('are reverted after a question that says what is lost', () => {
    const one = revertQuestion([change({ kind: 'added' })], 'web');
    assert.equal(one.question, 'Revert /etc/hosts in web?');
    assert.match(one.detail, /deleted/);
    const two = revertQuestion([change(), change({ path: '/etc/passwd' })], 'web');
    assert.equal(two.question, 'Revert 2 changes in web?');
    assert.doesNotMatch(two.detail, /What was added/);
  });
});

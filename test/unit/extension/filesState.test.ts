import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileError } from '../../../extension/files/fileErrors.js';
import { afterChange, afterChoice, afterSelection, rootOfNode } from '../../../extension/files/shownRoot.js';
import { Watches } from '../../../extension/files/watches.js';
import { ErrorCode, type FileReference, terrariumError } from '../../../helper/protocol/index.js';

const web = { kind: 'container', container: 'web' } as const;
const debian = { kind: 'image', name: 'debian' } as const;

describe('the root that is shown', () => {
  it('follows what is selected until it is pinned', () => {
    assert.deepEqual(afterSelection({ pinned: false }, web), { root: web, pinned: false });
    assert.deepEqual(afterSelection({ root: web, pinned: false }, debian), { root: debian, pinned: false });
    assert.deepEqual(afterSelection({ root: web, pinned: true }, debian), { root: web, pinned: true });
  });

  it('stays the same object when nothing changes, so that nothing is drawn anew', () => {
    const shown = { root: web, pinned: false };
    assert.equal(afterSelection(shown, { ...web }), shown);
    assert.equal(afterSelection(shown, undefined), shown);
    assert.equal(afterChange(shown, [{ id: 'web' }], undefined), shown);
  });

  it('is replaced by a choice, also when it is pinned', () => {
    assert.deepEqual(afterChoice({ root: web, pinned: true }, debian), { root: debian, pinned: true });
  });

  it('goes with its container or image, and its pin with it', () => {
    assert.deepEqual(afterChange({ root: web, pinned: true }, [], undefined), { pinned: false });
    assert.deepEqual(afterChange({ root: debian, pinned: true }, [], []), { pinned: false });
    assert.deepEqual(afterChange({ root: debian, pinned: false }, [], undefined).root, debian, 'images are not known');
  });

  it('is told by any node of the trees', () => {
    assert.deepEqual(rootOfNode({ kind: 'section', container: 'web', section: 'mounts' }), web);
    assert.deepEqual(rootOfNode({ kind: 'image', image: { name: 'debian' } }), debian);
    assert.deepEqual(rootOfNode({ kind: 'layer', image: 'debian' }), debian);
    for (const node of [undefined, null, 'web', {}, { container: '' }, { container: 3 }, { image: { name: 3 } }]) {
      assert.equal(rootOfNode(node), undefined);
    }
  });
});

describe('what is watched', () => {
  const at = (path: string): FileReference => ({ root: web, path });
  it('is the union of what all want, sent once a turn and only when it differs', async () => {
    const sent: string[][] = [];
    const watches = new Watches((watched) => sent.push(watched.map(({ path }) => path)));
    const [tree, editor] = [{}, {}];
    watches.set(tree, [at('/'), at('/etc')]);
    watches.set(editor, [at('/etc')]);
    assert.deepEqual(sent, []);
    await turn();
    assert.deepEqual(sent, [['/', '/etc']]);
    watches.set(editor, []);
    await turn();
    assert.equal(sent.length, 1);
    watches.set(tree, []);
    await turn();
    assert.deepEqual(sent.at(-1), []);
  });

  it('is told again to a helper that was started anew', async () => {
    const sent: number[] = [];
    const watches = new Watches((watched) => sent.push(watched.length));
    watches.set({}, [at('/')]);
    await turn();
    watches.resend();
    await turn();
    assert.deepEqual(sent, [1, 1]);
  });
});

describe('errors of files', () => {
  it('are what the editor knows, by errno before code', () => {
    const kind = (code: ErrorCode, errno?: string) =>
      fileError(terrariumError(code, 'x', errno === undefined ? {} : { errno })).kind;
    assert.equal(kind(ErrorCode.NotFound), 'FileNotFound');
    assert.equal(kind(ErrorCode.BadInput, 'ENOENT'), 'FileNotFound');
    assert.equal(kind(ErrorCode.NameTaken), 'FileExists');
    assert.equal(kind(ErrorCode.BadInput, 'EROFS'), 'NoPermissions');
    assert.equal(kind(ErrorCode.BadInput, 'EISDIR'), 'FileIsADirectory');
    assert.equal(kind(ErrorCode.Internal), 'Unavailable');
    assert.equal(fileError('odd').kind, 'Unavailable');
  });

  it('keep cause and fix, as sentences', () => {
    const error = terrariumError(ErrorCode.BadInput, 'It is read-only', {
      cause: 'The mount is ro',
      fix: 'Look there.',
    });
    assert.equal(fileError(error).message, 'It is read-only. The mount is ro. Look there.');
  });
});

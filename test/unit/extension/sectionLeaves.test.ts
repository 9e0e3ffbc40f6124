import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SectionNode } from '../../../extension/containers/nodes.js';
import { SectionLeaves } from '../../../extension/containers/sectionLeaves.js';
import type { NamespaceInfo } from '../../../helper/protocol/index.js';

const node: SectionNode = { kind: 'section', container: 'a', name: 'web', section: 'namespaces' };
type Type = NamespaceInfo['type'];

/** Leaves whose helper answers when it is told to, with one namespace of a type. */
function begin() {
  const answers: { give: (type: Type) => void; refuse: (error: Error) => void }[] = [];
  const request = () =>
    new Promise<NamespaceInfo[]>((resolve, reject) => {
      const give = (type: Type) => resolve([{ type, inode: 1, relation: 'own', sharedWith: [] }]);
      answers.push({ give, refuse: reject });
    });
  const log = { debug: () => undefined, warn: () => undefined };
  const leaves = new SectionLeaves({ request } as never, log as never, () => undefined);
  const known = () => leaves.known('a', 'namespaces')?.map(({ key }) => key);
  return { answers, leaves, known };
}

describe('what was read of a section', () => {
  it('stays while it is read anew, and the latest reading counts', async () => {
    const { answers, leaves, known } = begin();
    const first = leaves.of(node);
    answers[0]?.give('uts');
    assert.deepEqual(
      (await first).map(({ key }) => key),
      ['uts'],
    );
    const overtaken = leaves.renew(node);
    const latest = leaves.renew(node);
    assert.deepEqual(known(), ['uts']);
    answers[2]?.give('ipc');
    assert.equal(await latest, true);
    answers[1]?.give('pid');
    assert.equal(await overtaken, false);
    assert.deepEqual(known(), ['ipc']);
    assert.deepEqual(
      (await leaves.of(node)).map(({ key }) => key),
      ['ipc'],
    );
    assert.equal(answers.length, 3);
    const same = leaves.renew(node);
    answers[3]?.give('ipc');
    assert.equal(await same, false);
  });

  it('is a line that says why, when it cannot be read, and is asked for again', async () => {
    const { answers, leaves, known } = begin();
    const failed = leaves.of(node);
    answers[0]?.refuse(new Error('the glass is dirty'));
    assert.deepEqual(
      (await failed).map((leaf) => leaf.kind === 'failure' && leaf.message),
      ['the glass is dirty'],
    );
    const again = leaves.of(node);
    answers[1]?.give('uts');
    await again;
    const renewed = leaves.renew(node);
    answers[2]?.refuse(new Error('it ended'));
    assert.equal(await renewed, true);
    assert.equal(known(), undefined);
  });

  it('does not come back by an answer to what was asked before it was forgotten', async () => {
    const { answers, leaves, known } = begin();
    const first = leaves.of(node);
    answers[0]?.give('uts');
    await first;
    const renewed = leaves.renew(node);
    leaves.forgetAll('a');
    answers[1]?.give('uts');
    assert.equal(await renewed, false);
    assert.equal(known(), undefined);
  });
});

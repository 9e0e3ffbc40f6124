import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TreeNodes } from '../../../extension/containers/treeNodes.js';
import type { ContainerSummary, PodSummary } from '../../../helper/protocol/index.js';

const container = (id: string, more: Partial<ContainerSummary> = {}): ContainerSummary => ({
  id,
  name: `name-of-${id}`,
  state: 'running',
  root: { kind: 'host' },
  args: [],
  terminal: false,
  remove: false,
  createdAt: '2026-01-01T00:00:00Z',
  ...more,
});
const pod: PodSummary = {
  name: 'web',
  shares: ['network'],
  ports: [],
  createdAt: '2026-01-01T00:00:00Z',
  containers: ['b'],
  running: ['b'],
};

describe('the nodes of the tree of containers', () => {
  it('are the same objects over updates, with what is new in them', () => {
    const nodes = new TreeNodes();
    const [first] = nodes.roots([container('a')], []);
    assert.ok(first?.kind === 'container');
    const section = nodes.section(first, 'network');
    const [again] = nodes.roots([container('a', { name: 'renamed' })], []);
    assert.equal(again, first);
    assert.equal(nodes.section(first, 'network'), section);
    assert.equal(section.name, 'renamed');
    nodes.noteNetwork('a', '1 port');
    assert.equal(section.note, '1 port');
  });

  it('has containers below their pod, and by themselves once the pod is gone', () => {
    const nodes = new TreeNodes();
    const summaries = [container('a'), container('b', { pod: 'web' })];
    const [web, alone, ...others] = nodes.roots(summaries, [pod]);
    assert.ok(web?.kind === 'pod' && alone?.kind === 'container');
    assert.deepEqual([alone.container, others], ['a', []]);
    const inside = nodes.find('b');
    assert.ok(inside);
    assert.equal(nodes.parentOf(inside), web);
    assert.equal(nodes.parentOf(nodes.section(inside, 'limits')), inside);
    assert.deepEqual(nodes.roots(summaries, []), [alone, inside]);
    assert.equal(nodes.parentOf(inside), undefined);
  });

  it('forgets what was below a container that is gone', () => {
    const nodes = new TreeNodes();
    const [node] = nodes.roots([container('a')], []);
    assert.ok(node?.kind === 'container');
    nodes.section(node, 'limits');
    nodes.forget('a');
    assert.deepEqual([nodes.known(), nodes.findSection('a', 'limits')], [[], undefined]);
  });
});

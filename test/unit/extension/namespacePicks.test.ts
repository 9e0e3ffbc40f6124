import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { specificationOf } from '../../../extension/flows/creationChoices.js';
import { changeChoices, choiceText, offsetProblem, whoseChoices } from '../../../extension/flows/namespacePicks.js';
import type { ContainerSummary, NamespaceEntry, NamespaceProcess } from '../../../helper/protocol/index.js';
import { parseSpecification } from '../../../helper/specification/schema.js';

const summary = (name: string, state: ContainerSummary['state']): ContainerSummary => ({
  id: `id-${name}`,
  name,
  state,
  root: { kind: 'host' },
  createdAt: '',
  args: [],
  terminal: false,
  remove: false,
});
const host: NamespaceEntry = {
  type: 'uts',
  inode: 1,
  host: true,
  processes: 1,
  holders: [],
  containers: [],
  runtimes: [],
};
const process = (pid: number, uts: number, more: Partial<NamespaceProcess> = {}): NamespaceProcess => ({
  identity: { pid, startTime: 1 },
  parentPid: 1,
  innerPid: pid,
  uid: 1000,
  user: 'me',
  command: 'sh $(flame)',
  namespaces: { uts },
  forChildren: {},
  ...more,
});

describe('the question for namespaces', () => {
  it('says of each type what it isolates, and what was chosen before', () => {
    const choices = changeChoices({ ipc: { container: 'db' } });
    const shown = choices.filter(({ choice }) => choice !== undefined);
    assert.deepEqual(
      shown.map(({ choice }) => choice),
      ['uts', 'ipc', 'pid', 'user', 'cgroup', 'time', 'clocks', 'chroot'],
    );
    for (const { detail } of shown) assert.ok((detail ?? '').length > 10);
    assert.equal(shown[1]?.description, 'of db');
    assert.equal(shown[5]?.description, 'this machine’s');
  });

  it('offers those that run, and processes that have another one, as text', () => {
    const processes = [process(5, 1), process(6, 2), process(7, 3, { container: { id: 'x', name: 'x' } })];
    const choices = whoseChoices('uts', [summary('web', 'running'), summary('old', 'stopped')], {
      namespaces: [host],
      processes,
    });
    assert.deepEqual(
      choices.flatMap(({ choice }) => (choice === undefined ? [] : [choice])),
      ['new', 'host', { container: 'id-web' }, 'process', { process: 6 }],
    );
    assert.equal(choices.at(-1)?.label, '$(gear) 6 sh \\$(flame)');
    const users = whoseChoices('user', [], { namespaces: [], processes: [] });
    assert.ok(!users.some(({ choice }) => choice === 'host'), 'it would be refused');
  });

  it('becomes a specification as it is answered', () => {
    const specification = specificationOf({
      root: { kind: 'host' },
      command: '',
      network: { kind: 'none' },
      namespaces: { namespaces: { uts: 'host', pid: { process: 6 } }, chroot: true },
      resources: undefined,
      group: undefined,
      pod: undefined,
      privileges: {},
      name: '',
    });
    const { namespaces, chroot } = parseSpecification(specification);
    assert.deepEqual([namespaces, chroot], [{ uts: 'host', pid: { process: 6 } }, true]);
    assert.equal(choiceText({ process: 6 }), 'of process 6');
  });

  it('takes whole seconds', () => {
    for (const text of ['86400', ' -5 ', '+1']) assert.equal(offsetProblem(text), undefined, text);
    for (const text of ['', '1.5', '1h']) assert.match(offsetProblem(text) ?? '', /Whole seconds/, text);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { containerPicks } from '../../../extension/flows/containerPicks.js';
import {
  limitChoices,
  networkChoices,
  ownNetworkChoices,
  specificationOf,
} from '../../../extension/flows/creationChoices.js';
import { groupChoices } from '../../../extension/flows/groupPicks.js';
import {
  capabilityChange,
  capabilityChoices,
  filterChoices,
  privilegesText,
  seccompOf,
  tickedCapabilities,
} from '../../../extension/flows/privilegeChoices.js';
import { rootChoices } from '../../../extension/flows/rootChoices.js';
import { type PodAnswers, podOf } from '../../../extension/pods/podChoices.js';
import type { ContainerSummary, ImageSummary } from '../../../helper/protocol/index.js';
import { capabilities as allCapabilities, defaultCapabilities } from '../../../helper/protocol/index.js';
import { parsePod } from '../../../helper/specification/pod.js';
import { parseSpecification } from '../../../helper/specification/schema.js';

const image = (name: string): ImageSummary => ({
  name,
  digest: 'sha256:0',
  createdAt: '',
  sizeBytes: 1024 ** 2,
  usedBy: [],
  notes: [],
});
const container = (name: string, state: ContainerSummary['state']): ContainerSummary => ({
  id: `id-${name}`,
  name,
  state,
  root: { kind: 'host' },
  createdAt: '',
  args: [],
  terminal: false,
  remove: false,
});

describe('the question for a root', () => {
  it('has this machine’s own first, which Enter takes', () => {
    assert.deepEqual(rootChoices([image('a')], true)[0]?.choice, { kind: 'root', root: { kind: 'host' } });
  });

  it('lists images under a heading, and none without any', () => {
    const labels = rootChoices([image('debian'), image('$(flame)')], false).map(({ label }) => label);
    assert.ok(labels.includes('Images'));
    assert.ok(labels.includes('$(package) debian'));
    assert.ok(labels.includes('$(package) \\$(flame)'));
    assert.ok(!rootChoices([], false).some(({ label }) => label === 'Images'));
  });

  it('leads to a specification only where that makes sense', () => {
    const kinds = (withSpecification: boolean) => rootChoices([], withSpecification).map(({ choice }) => choice?.kind);
    assert.ok(kinds(true).includes('specification'));
    assert.ok(!kinds(false).includes('specification'));
  });
});

describe('the answers of the quick creation', () => {
  const defaults = {
    root: { kind: 'host' },
    command: '',
    network: { kind: 'none' },
    namespaces: {},
    resources: undefined,
    group: undefined,
    privileges: {},
    pod: undefined,
    name: '',
  } as const;

  it('with nothing but Enter make a container that stays up', () => {
    assert.deepEqual(specificationOf(defaults), { root: { kind: 'host' }, args: [], network: { kind: 'none' } });
  });

  it('with a command give it a terminal of its own', () => {
    const specification = specificationOf({ ...defaults, command: 'top', name: ' web ' });
    assert.deepEqual([specification.args, specification.terminal, specification.name], [['top'], true, 'web']);
  });

  it('with a group put it there', () => {
    assert.equal(specificationOf({ ...defaults, group: 'lab' }).group, 'lab');
  });

  it('in a pod leave to that what it shares', () => {
    const shares = ['network', 'ipc'] as const;
    const answers = { ...defaults, group: 'lab', pod: { name: 'web', shares: [...shares] } };
    assert.deepEqual(specificationOf(answers), { root: { kind: 'host' }, args: [], pod: 'web' });
    const own = specificationOf({ ...answers, pod: { name: 'web', shares: ['ipc'] } });
    assert.deepEqual(own.network, { kind: 'none' });
  });

  it('for a group begin with none, offer those that run first, and end with a new one', () => {
    const group = (name: string, live: boolean) => ({ name, containers: ['a'], live });
    const choices = groupChoices([group('idle', false), group('busy', true)]).map(({ choice }) => choice);
    assert.deepEqual(
      choices.filter((choice) => choice !== undefined),
      [{ kind: 'none' }, { kind: 'group', name: 'busy' }, { kind: 'group', name: 'idle' }, { kind: 'new' }],
    );
  });

  it('with privileges say only what differs from the default', () => {
    const ticked = tickedCapabilities({});
    assert.deepEqual(ticked.toSorted(), defaultCapabilities.toSorted());
    assert.equal(capabilityChange(ticked), undefined);
    const chosen = [...ticked.filter((name) => name !== 'CAP_CHOWN'), 'CAP_NET_RAW' as const];
    const capabilities = capabilityChange(chosen);
    assert.deepEqual(capabilities, { add: ['CAP_NET_RAW'], drop: ['CAP_CHOWN'] });
    assert.deepEqual(tickedCapabilities({ capabilities }).toSorted(), chosen.toSorted(), 'and come back as chosen');
    assert.match(
      privilegesText({ capabilities, seccomp: { notify: true } }),
      /^without CAP_CHOWN; with CAP_NET_RAW; another/,
    );
    const items = capabilityChoices();
    assert.equal(items.filter(({ choice }) => choice !== undefined).length, allCapabilities.length);
    for (const { choice, detail } of items) {
      assert.equal(detail !== undefined, choice !== undefined && defaultCapabilities.includes(choice), choice);
    }
    const specification = specificationOf({
      ...defaults,
      privileges: { ...(capabilities && { capabilities }), seccomp: { notify: true } },
    });
    assert.deepEqual(parseSpecification(specification).seccomp, { notify: true });
    assert.deepEqual(specification.capabilities, capabilities);
  });

  it('offer the default filter first, none last, and files by their names as text', () => {
    const choices = filterChoices(['/w/$(flame).seccomp.json']);
    assert.deepEqual([choices[0]?.choice, choices.at(-1)?.choice], ['default', 'unconfined']);
    assert.ok(choices.some(({ label }) => label === '$(file) \\$(flame).seccomp.json'));
    assert.deepEqual(seccompOf({ profile: '/w/a.seccomp.json' }), { profile: '/w/a.seccomp.json', notify: true });
  });

  it('with limits are in OCI’s terms', () => {
    const small = limitChoices().find(({ label }) => label.includes('Small'))?.choice;
    assert.deepEqual(small, {
      memory: { limit: 128 * 1024 ** 2 },
      cpu: { quota: 50_000, period: 100_000 },
      pids: { limit: 64 },
    });
    assert.equal(limitChoices()[0]?.choice, 'none');
  });

  it('can share the network only of a container that has one', () => {
    const choices = networkChoices(
      [container('a', 'running'), container('b', 'stopped')],
      [{ name: 'lab', subnet: '10.120.0.0/24', outbound: 'none' }],
    ).map(({ choice }) => choice);
    assert.deepEqual(choices[0], { kind: 'none' });
    assert.ok(choices.some((choice) => choice?.kind === 'container' && choice.container === 'id-a'));
    assert.ok(!choices.some((choice) => choice?.kind === 'container' && choice.container === 'id-b'));
    const named = choices.flatMap((choice) => (choice?.kind === 'bridge' ? [choice.network] : []));
    assert.deepEqual(named, ['outbound', 'lab']);
    assert.ok(choices.some((choice) => choice?.kind === 'new'));
  });
});

describe('the answers for a new pod', () => {
  const defaults: PodAnswers = {
    name: ' web ',
    shares: ['network', 'ipc', 'uts'],
    network: { kind: 'none' },
    ports: '',
    hostname: '',
  };

  it('with nothing but Enter make one as the command makes it', () => {
    assert.deepEqual(parsePod(podOf(defaults)), parsePod({ name: 'web' }));
  });

  it('have its ports and host name, if they are said', () => {
    const { ports, hostname } = podOf({ ...defaults, ports: '8080:80', hostname: ' www.lab ' });
    assert.deepEqual(ports, [{ hostPort: 8080, containerPort: 80 }]);
    assert.equal(hostname, 'www.lab');
  });

  it('leave out what another answer has made pointless: it would be refused', () => {
    const said: PodAnswers = {
      ...defaults,
      network: { kind: 'bridge', network: 'lab' },
      ports: '8080:80',
      hostname: 'w',
    };
    assert.deepEqual(parsePod(podOf({ ...said, shares: ['ipc'] })), { name: 'web', shares: ['ipc'], ports: [] });
    assert.deepEqual(parsePod(podOf({ ...said, network: { kind: 'host' } })).ports, []);
  });

  it('have a network that is no other container’s', () => {
    const kinds = ownNetworkChoices([]).flatMap(({ choice }) => choice?.kind ?? []);
    assert.deepEqual(kinds, ['none', 'host', 'bridge', 'new']);
  });
});

describe('a pick of containers', () => {
  it('shows hostile names as text', () => {
    assert.equal(containerPicks([container('$(flame)\n', 'running')])[0]?.label, '\\$(flame)');
  });
});

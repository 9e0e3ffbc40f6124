import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { podText } from '../../../cli/pods.js';
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUTS } from '../../../helper/plan/constants.js';
import { podHolderPlan } from '../../../helper/plan/podSteps.js';
import type { Plan } from '../../../helper/plan/step.js';
import { joinedSpecification, memberSpecification } from '../../../helper/pods/specification.js';
import { ErrorCode, type PodInspection, type PodNamespace } from '../../../helper/protocol/index.js';
import { namespaceChoices, refusedNamespaces } from '../../../helper/specification/namespaces.js';
import { parsePod } from '../../../helper/specification/pod.js';

const pod = { name: 'web', shares: ['network', 'ipc', 'uts'] as PodNamespace[], hostname: 'front' };

describe('a pod', () => {
  it('tells of its ports where they are published, and before', () => {
    const inspection: PodInspection = {
      name: 'web',
      shares: ['network'],
      ports: [
        { hostPort: 8080, containerPort: 80 },
        { hostPort: 8080, containerPort: 53, protocol: 'udp' },
      ],
      createdAt: '2026-01-01T00:00:00Z',
      containers: [],
      running: [],
      namespaces: [{ type: 'network', inode: 7 }],
      members: [],
      published: [
        {
          hostPort: 8080,
          containerPort: 80,
          protocol: 'tcp',
          address: '127.0.0.1',
          publisher: { pid: 1, startTime: 1 },
        },
      ],
    };
    const lines = podText(inspection).split('\n');
    assert.ok(lines.includes('port: 127.0.0.1:8080 to 80/tcp'), lines.join('\n'));
    assert.ok(lines.includes('port: 127.0.0.1:8080 to 53/udp, once a container runs'), lines.join('\n'));
    assert.ok(lines.includes('namespaces: network 7'), lines.join('\n'));
  });

  it('shares network, ipc and uts unless others are named', () => {
    assert.deepEqual(parsePod({ name: 'my_pod' }), {
      name: 'my_pod',
      shares: ['network', 'ipc', 'uts'],
      network: { kind: 'none' },
      ports: [],
      hostname: 'my-pod',
    });
    assert.deepEqual(parsePod({ name: 'a', shares: ['pid', 'ipc', 'pid'] }), {
      name: 'a',
      shares: ['ipc', 'pid'],
      ports: [],
    });
  });

  it('has no choice in what it does not share', () => {
    const refused: [object, RegExp][] = [
      [{ name: '-a' }, /name/],
      [{ shares: [] }, /shares/],
      [{ shares: ['user'] }, /shares/],
      [{ network: { kind: 'container', container: 'db' } }, /network/],
      [{ network: { kind: 'process', pid: 1 } }, /network/],
      [{ shares: ['ipc'], network: { kind: 'host' } }, /network/],
      [{ shares: ['ipc'], ports: [{ hostPort: 8080, containerPort: 80 }] }, /ports/],
      [{ network: { kind: 'host' }, ports: [{ hostPort: 8080, containerPort: 80 }] }, /ports/],
      [{ shares: ['ipc'], hostname: 'a' }, /hostname/],
    ];
    for (const [more, message] of refused) {
      assert.throws(() => parsePod({ name: 'a', ...more }), { code: ErrorCode.Invalid, message }, JSON.stringify(more));
    }
  });
});

describe('a container in a pod', () => {
  it('is in the group of the pod, and chooses nothing that the pod shares', () => {
    const asked = { pod: 'web', namespaces: { pid: 'host' } } as const;
    assert.deepEqual(memberSpecification(asked, pod), { ...asked, group: 'web' });
    assert.deepEqual(memberSpecification({ ...asked, group: 'web' }, pod), { ...asked, group: 'web' });
    assert.throws(() => memberSpecification({ hostname: 'a', network: { kind: 'none' }, group: 'b' }, pod), {
      code: ErrorCode.Invalid,
      message: 'In the pod web a container cannot choose group and network and hostname',
    });
    assert.throws(() => memberSpecification({ namespaces: { ipc: 'new' } }, pod), { code: ErrorCode.Invalid });
  });

  it('joins the holder in what is shared; the rest is its own', () => {
    const choices = namespaceChoices(joinedSpecification({}, pod, 77));
    const joined = { process: 77 };
    assert.deepEqual([choices.network, choices.ipc, choices.uts], [joined, joined, joined]);
    assert.deepEqual([choices.user, choices.pid, choices.mount, choices.cgroup], ['new', 'new', 'new', 'new']);
    const pids = joinedSpecification({}, { ...pod, shares: ['pid'] }, 77);
    assert.deepEqual([namespaceChoices(pids).pid, namespaceChoices(pids).network], [joined, 'new']);
    assert.deepEqual([...refusedNamespaces(joinedSpecification({}, pod)), ...refusedNamespaces(pids)], []);
    const host = joinedSpecification({}, { ...pod, network: { kind: 'host' } }, 77);
    assert.equal(namespaceChoices(host).network, 'host');
  });
});

describe('the holder of a pod', () => {
  const input = {
    place: { folder: '/f', socket: '/s', lease: '/l' },
    shares: pod.shares,
    ownNetwork: true,
    hostname: 'front',
  };
  const cloneFlags = (plan: Plan) => plan.find((step) => step.kind === 'clone')?.flags;
  const kinds = (plan: Plan) => plan.map(({ kind }) => kind);

  it('makes the namespaces, and stays as long as its lease is in use', () => {
    const plan = podHolderPlan({ ...input, start: { kind: 'new', connection: undefined } });
    assert.equal(cloneFlags(plan), CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
    assert.deepEqual(kinds(plan).slice(-3), ['setHostname', 'lease', 'stayInit']);
    const pids = podHolderPlan({ ...input, shares: ['pid'], start: { kind: 'new', connection: undefined } });
    assert.equal(cloneFlags(pids), CLONE_NEWPID);
  });

  it('leaves this machine’s network as it is', () => {
    const plan = podHolderPlan({ ...input, ownNetwork: false, start: { kind: 'new', connection: undefined } });
    assert.equal(cloneFlags(plan), CLONE_NEWIPC | CLONE_NEWUTS);
    assert.ok(!kinds(plan).includes('bringUp') && !kinds(plan).includes('writeFile'));
  });

  it('takes over from one that was killed without a change', () => {
    const plan = podHolderPlan({ ...input, start: { kind: 'rejoin', target: { pid: 5, startTime: 6 } } });
    assert.equal(cloneFlags(plan), 0);
    assert.deepEqual(kinds(plan), ['monitor', 'setNamespaces', 'clone', 'lease', 'stayInit']);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  presentCapabilities,
  presentMount,
  presentNamespace,
  presentOperation,
  presentProcess,
  sectionsOf,
} from '../../../extension/containers/sectionText.js';
import type { ContainerSummary, NamespaceInfo, ProcessInfo } from '../../../helper/protocol/index.js';

describe('sections', () => {
  const summary = (state: ContainerSummary['state']): ContainerSummary => ({
    id: 'x',
    name: 'web',
    state,
    root: { kind: 'host' },
    createdAt: '',
    args: [],
    terminal: false,
    remove: false,
  });

  it('show the kernel only where there are processes', () => {
    assert.ok(sectionsOf(summary('running')).includes('processes'));
    assert.ok(sectionsOf(summary('paused')).includes('mounts'));
    assert.deepEqual(sectionsOf(summary('stopped')), ['limits', 'operations']);
  });
});

describe('a process', () => {
  const process: ProcessInfo = {
    identity: { pid: 4107, startTime: 9 },
    innerPid: 7,
    parentPid: 4001,
    hostUid: 100033,
    uid: 33,
    command: 'sleep 1000\u202E',
    state: 'S',
    threads: 1,
    rssBytes: 2 * 1024 ** 2,
    cpuMicroseconds: 1_250_000,
    ownNamespaces: [],
  };

  it('has both pids and both owners', () => {
    const shown = presentProcess(process);
    assert.equal(shown.label, '7 sleep 1000');
    assert.equal(shown.description, '4107 on host · 2 MiB');
    assert.match(shown.tooltip ?? '', /uid 33 inside, 100033 on this machine/);
    assert.match(shown.tooltip ?? '', /State S, 1 thread, 2 MiB resident\s+CPU time: 1\.25 s$/);
  });

  it('shows what it uses of the CPU, and where it is elsewhere than the first one', () => {
    const shown = presentProcess({ ...process, ownNamespaces: ['network', 'pid'] }, 0.126);
    assert.equal(shown.description, '4107 on host · 2 MiB · 13 % CPU · own network, pid');
    assert.match(shown.tooltip ?? '', /other namespaces than the first process of the container: network, pid/);
  });
});

describe('a namespace', () => {
  const shown = (relation: 'own' | 'host', sharedWith: string[] = []) =>
    presentNamespace({ type: 'network', inode: 4026532104, relation, sharedWith });

  it('is its own, shared with named others, or the host’s', () => {
    assert.equal(shown('own').description, 'its own · 4026532104');
    assert.equal(shown('own', ['a', 'b']).description, 'shared with a, b · 4026532104');
    assert.equal(shown('host').description, "the host's · 4026532104");
  });

  it('that was joined says so, and whose it is', () => {
    const joined = (one: Pick<NamespaceInfo, 'joined' | 'sharedWith'>) =>
      presentNamespace({ type: 'uts', inode: 7, relation: 'own', ...one });
    assert.equal(joined({ joined: { container: 'a' }, sharedWith: ['a'] }).description, 'joined, with a · 7');
    assert.equal(joined({ joined: { process: 9 }, sharedWith: [] }).description, 'joined, of process 9 · 7');
    assert.equal(
      joined({ joined: { container: 'a' }, sharedWith: [] }).description,
      'joined, of one that has ended · 7',
    );
    const user = presentNamespace({
      type: 'user',
      inode: 7,
      relation: 'own',
      sharedWith: [],
      explanation: ['Root is you.'],
    });
    assert.match(user.tooltip ?? '', /Root is you/);
  });

  it('that is the host’s stands out by another icon', () => {
    assert.notEqual(shown('own').icon?.id, shown('host').icon?.id);
  });
});

describe('a mount', () => {
  const anyMount = {
    id: 1,
    parent: 0,
    device: '0:50',
    root: '/',
    destination: '/',
    type: 'proc',
    source: 'proc',
    options: ['ro', 'nosuid'],
    superOptions: [],
    propagation: '',
  };

  it('says what is mounted, and whether it can be written', () => {
    const mount = { ...anyMount, destination: '/pro\nc' };
    assert.equal(presentMount(mount).label, '/pro c');
    assert.equal(presentMount(mount).description, 'proc · read-only · proc');
    assert.match(presentMount({ ...mount, options: ['rw'] }).accessibleLabel, /writable/);
    assert.equal(presentMount(mount).contextValue, 'mount');
  });

  it('that was asked for can be removed, and says for how long it is there', () => {
    const mount = { ...anyMount, destination: '/data', options: ['rw'] };
    const shown = (origin: 'added' | 'specification', kept: boolean) => presentMount({ ...mount, origin, kept });
    assert.equal(shown('added', false).contextValue, 'mount.removable');
    assert.match(shown('added', false).description ?? '', /added until it ends/);
    assert.match(shown('added', true).accessibleLabel, /added, kept/);
    assert.match(shown('specification', true).description ?? '', /asked for/);
  });
});

describe('capabilities', () => {
  const none = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };

  it('are shown set by set, with the privileges around them', () => {
    const lines = presentCapabilities({
      sets: { ...none, effective: ['CAP_CHOWN', 'CAP_NET_RAW'] },
      noNewPrivileges: true,
      seccomp: 2,
    }).map(({ presentation }) => presentation);
    assert.equal(lines.find(({ label }) => label === 'effective')?.description, '2 · chown, net_raw');
    assert.equal(lines.find(({ label }) => label === 'ambient')?.description, 'none');
    assert.equal(lines.find(({ label }) => label === 'seccomp')?.description, 'filter');
  });

  it('are opened to a line on what each allows', () => {
    const groups = presentCapabilities({
      sets: { ...none, bounding: ['CAP_NET_BIND_SERVICE', 'CAP_41'] },
      noNewPrivileges: true,
      seccomp: 2,
    });
    const bounding = groups.find(({ presentation }) => presentation.label === 'bounding');
    assert.deepEqual(
      bounding?.below.map(({ label, description }) => [label, description]),
      [
        ['CAP_NET_BIND_SERVICE', 'Listen on ports below 1024'],
        ['CAP_41', 'not known to this version'],
      ],
    );
    assert.match(bounding?.presentation.tooltip ?? '', /CAP_NET_BIND_SERVICE: Listen on ports below 1024/);
    assert.deepEqual(groups.filter(({ below }) => below.length > 0).length, 1);
  });

  it('warn where a protection is off', () => {
    const lines = presentCapabilities({ sets: none, noNewPrivileges: false, seccomp: 0 }).map(
      ({ presentation }) => presentation,
    );
    assert.deepEqual(
      lines.filter(({ icon }) => icon?.id === 'warning').map(({ label, description }) => [label, description]),
      [
        ['no_new_privs', 'off'],
        ['seccomp', 'off'],
      ],
    );
  });
});

describe('an operation', () => {
  it('says whether it succeeded and how long it took', () => {
    const operation = {
      operation: 'start-1',
      at: '2026-01-01T00:00:00Z',
      succeeded: true,
      durationNanoseconds: 2.44e6,
    };
    assert.match(presentOperation(operation).description ?? '', /^2\.4 ms · /);
    assert.match(presentOperation({ ...operation, succeeded: false }).description ?? '', /^failed after 2\.4 ms/);
    assert.equal(presentOperation({ ...operation, succeeded: false }).contextValue, 'operation.failed');
    assert.match(presentOperation({ ...operation, at: 'nonsense' }).description ?? '', /nonsense/);
  });
});

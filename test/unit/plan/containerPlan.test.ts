import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as kernel from '../../../helper/plan/constants.js';
import { containerPlan } from '../../../helper/plan/containerPlan.js';
import { type Plan, type StepKind, stepShapes } from '../../../helper/plan/step.js';
import type { ContainerSpecification, oci } from '../../../helper/protocol/index.js';
import { planInput, singleIdentity, stepOf, stepsOf } from './samples.js';

const planOf = (specification: ContainerSpecification = {}): Plan => containerPlan(planInput(specification));
const kindsOf = (plan: Plan): StepKind[] => plan.map(({ kind }) => kind);
const allNew =
  kernel.CLONE_NEWUSER |
  kernel.CLONE_NEWNS |
  kernel.CLONE_NEWUTS |
  kernel.CLONE_NEWIPC |
  kernel.CLONE_NEWNET |
  kernel.CLONE_NEWPID;

/** Asserts that these kinds appear in this order, whatever is between them. */
function assertOrder(plan: Plan, ...order: StepKind[]): void {
  let at = -1;
  for (const kind of order) {
    const next = plan.findIndex((step, index) => index > at && step.kind === kind);
    assert.ok(next > at, `${kind} does not follow in ${kindsOf(plan).join(' ')}`);
    at = next;
  }
}

describe('the plan of a container', () => {
  test('goes from the monitor through the root and privileges to the command', () => {
    const plan = planOf();
    assert.equal(plan[0]?.kind, 'monitor');
    assert.equal(plan.at(-1)?.kind, 'execute');
    assertOrder(
      plan,
      ...(['monitor', 'makePipes', 'clone', 'mapIds', 'unshare', 'setPropagation', 'mount', 'setRoot'] as const),
      ...([
        'bringUp',
        'readonlyPath',
        'maskPath',
        'setHostname',
        'pivotRoot',
        'setSession',
        'limitBoundingSet',
      ] as const),
      ...(['setIds', 'setCapabilities', 'setNoNewPrivileges', 'installSeccomp', 'changeDirectory', 'execute'] as const),
    );
  });

  test('is connected to a network by the monitor, which is in it before the clone, while the new process waits', () => {
    const connection = {
      anchor: { pid: 77, startTime: 5 },
      port: 'v0123-ab',
      address: '10.120.0.2',
      prefix: 24,
      ipv6: 'missing' as const,
    };
    const plan = containerPlan(planInput({ network: { kind: 'bridge', network: 'lab' } }, { connection }));
    assertOrder(plan, 'setNamespaces', 'clone', 'makeVeth', 'addAddress', 'pivotRoot');
    assert.deepEqual(stepOf(plan, 'setNamespaces'), {
      kind: 'setNamespaces',
      pid: 77,
      startTime: 5n,
      flags: kernel.CLONE_NEWNET,
    });
    // It has a network namespace of its own all the same.
    assert.equal(stepOf(plan, 'clone').flags & kernel.CLONE_NEWNET, kernel.CLONE_NEWNET);
    const { interface: inside, address, prefix } = stepOf(plan, 'addAddress');
    assert.deepEqual([inside, address, prefix], [stepOf(plan, 'makeVeth').peer, '10.120.0.2', 24]);
    assert.deepEqual(
      stepsOf(plan, 'bringUp').map((step) => step.interface),
      ['lo', inside],
    );
  });

  test('leaves to each process only what it may do', () => {
    const plan = containerPlan(planInput({ timeOffsets: { monotonic: { secs: 1, nanosecs: 0 } } }));
    const clone = plan.findIndex(({ kind }) => kind === 'clone');
    for (const [index, { kind }] of plan.entries()) {
      const { actor } = stepShapes[kind];
      if (index < clone) assert.notEqual(actor, 'init', `${kind} before clone`);
      if (index > clone && actor === 'monitor') {
        // What the monitor does for the waiting process follows clone directly.
        assert.ok(
          plan.slice(clone + 1, index).every((step) => stepShapes[step.kind].actor === 'monitor'),
          `${kind} after a step of init`,
        );
      }
    }
  });

  test('makes every namespace new, the cgroup one from inside the cgroup', () => {
    const plan = planOf();
    assert.equal(stepOf(plan, 'clone').flags, allNew);
    assert.deepEqual(
      stepsOf(plan, 'unshare').map(({ flags }) => flags),
      [kernel.CLONE_NEWCGROUP],
    );
  });

  test('shares with the host what was asked for', () => {
    const cases = [
      ['uts', kernel.CLONE_NEWUTS],
      ['ipc', kernel.CLONE_NEWIPC],
      ['pid', kernel.CLONE_NEWPID],
    ] as const;
    for (const [type, flag] of cases)
      assert.equal(stepOf(planOf({ namespaces: { [type]: 'host' } }), 'clone').flags, allNew & ~flag);
    assert.deepEqual(stepsOf(planOf({ namespaces: { cgroup: 'host' } }), 'unshare'), []);
    assert.deepEqual(stepsOf(planOf({ namespaces: { uts: 'host' } }), 'setHostname'), []);
  });

  test("uses the host's network without touching it", () => {
    const plan = planOf({ network: { kind: 'host' } });
    assert.equal(stepOf(plan, 'clone').flags, allNew & ~kernel.CLONE_NEWNET);
    assert.deepEqual(stepsOf(plan, 'bringUp'), []);
    assert.equal(stepsOf(plan, 'bind').find(({ destination }) => destination === '/sys')?.source, '/sys');
  });

  test('has what it leaves among the pids of other containers killed, where its user namespace tells which that is', () => {
    const process = { pid: 9, startTime: 5 };
    const sharing = (types: readonly oci.NamespaceType[], sharesPids: boolean) =>
      containerPlan(
        planInput(
          { namespaces: Object.fromEntries(types.map((type) => [type, { process: 9 }])) },
          { joins: [{ process, types }], sharesPids },
        ),
      );
    const plan = sharing(['pid'], true);
    stepOf(plan, 'killLeft');
    assertOrder(plan, 'mapIds', 'killLeft', 'setPropagation');
    assert.deepEqual(stepsOf(sharing(['pid'], false), 'killLeft'), []);
    assert.deepEqual(stepsOf(sharing(['ipc'], true), 'killLeft'), [], 'its own pids end with their first');
    assert.deepEqual(stepsOf(sharing(['pid', 'user'], true), 'killLeft'), []);
  });

  test('joins namespaces of others at the clone, and lets show them who may', () => {
    const namespaces = { ipc: { container: 'web' }, pid: { process: 9 } };
    const joins = [
      { process: { pid: 7, startTime: 123 }, types: ['ipc', 'network'] },
      { process: { pid: 9, startTime: 5 }, types: ['pid'] },
    ] as const;
    const plan = containerPlan(planInput({ namespaces, network: { kind: 'container', container: 'web' } }, { joins }));
    assert.deepEqual(
      stepsOf(plan, 'holdNamespaces').map(({ pid, startTime, flags }) => [pid, startTime, flags]),
      [
        [7, 123n, kernel.CLONE_NEWIPC | kernel.CLONE_NEWNET],
        [9, 5n, kernel.CLONE_NEWPID],
      ],
    );
    assertOrder(plan, 'holdNamespaces', 'clone');
    const { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWPID } = kernel;
    assert.equal(stepOf(plan, 'clone').flags, allNew & ~CLONE_NEWIPC & ~CLONE_NEWNET & ~CLONE_NEWPID);
    // Attached in the order in which they were made: nothing else tells which is which.
    assert.deepEqual(
      stepsOf(plan, 'prepareMount').map(({ type }) => type),
      ['proc', 'mqueue', 'sysfs'],
    );
    assert.deepEqual(
      stepsOf(plan, 'attachPrepared').map(({ destination }) => destination),
      ['/proc', '/dev/mqueue', '/sys'],
    );
    assert.deepEqual(stepsOf(plan, 'bringUp'), []);
  });

  test('maps no ids in a user namespace that it joins', () => {
    const joins = [{ process: { pid: 7, startTime: 123 }, types: ['user'] }] as const;
    const plan = containerPlan(planInput({ namespaces: { user: { container: 'web' } } }, { joins }));
    assert.equal(stepOf(plan, 'clone').flags, allNew & ~kernel.CLONE_NEWUSER);
    assert.deepEqual(stepsOf(plan, 'mapIds'), []);
  });

  test('makes sure of the user namespace that it is made in when that is not Terrarium’s', () => {
    const foreign = { pid: 7, startTime: 123 };
    const plan = containerPlan(planInput({ namespaces: { user: { process: 7 } } }, { foreign }));
    const { pid, startTime } = stepOf(plan, 'checkUserNamespace');
    assert.deepEqual([pid, startTime], [7, 123n]);
    assertOrder(plan, 'checkUserNamespace', 'clone');
    assert.deepEqual(stepsOf(planOf({}), 'checkUserNamespace'), []);
  });

  test('sets the clocks of a time namespace before anybody is in it', () => {
    const plan = planOf({
      timeOffsets: { monotonic: { secs: -5, nanosecs: 7 }, boottime: { secs: 86_400, nanosecs: 0 } },
    });
    const [time] = stepsOf(plan, 'unshare');
    assert.equal(time?.flags, kernel.CLONE_NEWTIME);
    const write = stepsOf(plan, 'writeFile').find(({ path }) => path === '/proc/self/timens_offsets');
    assert.equal(write?.data, 'monotonic -5 7\nboottime 86400 0\n');
    assert.equal(write?.magic, kernel.PROC_SUPER_MAGIC);
    assertOrder(plan, 'unshare', 'writeFile', 'clone');
    assert.deepEqual(stepsOf(planOf({ timeOffsets: {} }), 'writeFile'), []);
    assert.equal(
      stepsOf(planOf(), 'unshare').some(({ flags }) => flags === kernel.CLONE_NEWTIME),
      false,
    );
  });

  test('maps a range one extent at a time, and lets a single id change no groups', () => {
    assert.deepEqual(stepOf(planOf(), 'mapIds'), {
      kind: 'mapIds',
      uidMap: '0 0 1\n1 1 65536\n',
      gidMap: '0 0 1\n1 1 65536\n',
      setgroups: 'allow',
    });
    assert.equal(stepOf(planOf(), 'setIds').setgroups, 1);
    const single = containerPlan(planInput({}, {}, { identity: singleIdentity }));
    assert.deepEqual(stepOf(single, 'mapIds'), {
      kind: 'mapIds',
      uidMap: '0 0 1\n',
      gidMap: '0 0 1\n',
      setgroups: 'deny',
    });
    assert.equal(stepOf(single, 'setIds').setgroups, 0);
  });

  test('puts cgroup steps around clone', () => {
    const cgroup = {
      beforeClone: [{ kind: 'makeCgroup', path: '/cg/c' }],
      cloneInto: '/cg/c',
      afterClone: [{ kind: 'joinCgroup', path: '/cg1/c' }],
      eventsFile: '/cg/c/memory.events',
    } as const;
    const plan = containerPlan(planInput({}, { cgroup }));
    assertOrder(plan, 'makeCgroup', 'clone', 'mapIds', 'joinCgroup', 'unshare');
    assert.equal(stepOf(plan, 'clone').cgroup, '/cg/c');
    assert.equal(stepOf(plan, 'monitor').events, '/cg/c/memory.events');
  });

  test('chroot stays weak on purpose: no pivot, no masks, no namespaces but user and mount', () => {
    const plan = planOf({ chroot: true });
    assert.deepEqual(stepsOf(plan, 'pivotRoot'), []);
    assert.equal(stepsOf(plan, 'chroot').length, 1);
    assert.equal(stepOf(plan, 'clone').flags, kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS);
    assert.deepEqual([...stepsOf(plan, 'maskPath'), ...stepsOf(plan, 'readonlyPath'), ...stepsOf(plan, 'unshare')], []);
  });

  test('a root that refuses writes is made read-only once it is the root', () => {
    assertOrder(planOf({ writable: 'none' }), 'pivotRoot', 'setRootAttributes', 'limitBoundingSet');
    assert.equal(stepOf(planOf({ writable: 'none' }), 'setRootAttributes').attributes, kernel.MOUNT_ATTR_RDONLY);
    assert.deepEqual(stepsOf(planOf(), 'setRootAttributes'), []);
  });

  test('paths that are masked need not exist', () => {
    const plan = planOf({ maskedPaths: ['/proc/x'], readonlyPaths: ['/proc/y'] });
    assert.deepEqual(stepsOf(plan, 'maskPath'), [{ kind: 'maskPath', path: '/proc/x', tolerate: 'missing' }]);
    assert.deepEqual(stepsOf(plan, 'readonlyPath'), [{ kind: 'readonlyPath', path: '/proc/y', tolerate: 'missing' }]);
  });

  test('sysctls are written to procfs and nowhere else, before /proc/sys is read-only', () => {
    const plan = planOf({ sysctl: { 'net.ipv4.ip_forward': '1', 'net/ipv4/conf/eth0.1/rp_filter': '0' } });
    const writes = stepsOf(plan, 'writeFile');
    assert.deepEqual(
      writes.map(({ path, data, magic }) => [path, data, magic]),
      [
        ['/proc/sys/net/ipv4/ip_forward', '1', kernel.PROC_SUPER_MAGIC],
        ['/proc/sys/net/ipv4/conf/eth0.1/rp_filter', '0', kernel.PROC_SUPER_MAGIC],
      ],
    );
    assertOrder(plan, 'writeFile', 'readonlyPath');
  });

  test("devices are the host's, each checked to be what its name says", () => {
    const devices = stepsOf(planOf(), 'bind').filter(({ device }) => device !== 0n);
    assert.deepEqual(
      devices.map(({ source, destination, device }) => [source, destination, device]),
      [
        ['/dev/null', '/dev/null', 0x103n],
        ['/dev/zero', '/dev/zero', 0x105n],
        ['/dev/full', '/dev/full', 0x107n],
        ['/dev/random', '/dev/random', 0x108n],
        ['/dev/urandom', '/dev/urandom', 0x109n],
        ['/dev/tty', '/dev/tty', 0x500n],
      ],
    );
    assert.equal(stepsOf(planOf(), 'symlink').find(({ path }) => path === '/dev/ptmx')?.target, 'pts/ptmx');
  });

  test('binds keep nosuid and nodev, come recursive unless asked otherwise, and take ro and propagation', () => {
    const plan = planOf({
      mounts: [
        { source: '/src', destination: '/a', options: ['ro', 'rslave', 'suid', 'dev'] },
        { source: '/src', destination: '/b', options: ['bind', 'noexec'] },
        { destination: '/c', options: ['size=1m', 'mode=700'] },
      ],
    });
    const { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } = kernel;
    const at = (path: string) => stepsOf(plan, 'bind').find(({ destination }) => destination === path);
    assert.deepEqual(at('/a'), {
      kind: 'bind',
      source: '/src',
      destination: '/a',
      recursive: 1,
      attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
      propagation: kernel.MS_SLAVE | kernel.MS_REC,
      device: 0n,
    });
    assert.equal(at('/b')?.recursive, 0);
    assert.equal(at('/b')?.attributes, MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    const tmpfs = stepsOf(plan, 'mount').find(({ destination }) => destination === '/c');
    assert.deepEqual([tmpfs?.type, tmpfs?.data], ['tmpfs', 'size=1m,mode=700']);
  });
});

describe('the process of a container', () => {
  test('a filter is loaded before capabilities go when no_new_privs does not allow it later', () => {
    assertOrder(planOf({ noNewPrivileges: false }), 'installSeccomp', 'setIds', 'setCapabilities');
    assert.deepEqual(stepsOf(planOf({ noNewPrivileges: false }), 'setNoNewPrivileges'), []);
    assertOrder(planOf(), 'setCapabilities', 'setNoNewPrivileges', 'installSeccomp');
    assert.deepEqual(stepsOf(containerPlan(planInput({}, { seccomp: new Uint8Array() })), 'installSeccomp'), []);
  });

  test('rlimits, the OOM score and the working folder are set', () => {
    const plan = planOf({
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }],
      oomScoreAdj: 500,
      cwd: '/srv',
    });
    assert.deepEqual(stepOf(plan, 'setRlimit'), { kind: 'setRlimit', resource: 7, soft: 64n, hard: 128n });
    assert.deepEqual(stepsOf(plan, 'writeFile'), [
      { kind: 'writeFile', path: '/proc/self/oom_score_adj', data: '500', magic: kernel.PROC_SUPER_MAGIC },
    ]);
    assert.equal(stepOf(plan, 'changeDirectory').path, '/srv');
  });

  test('another user gets its groups, and capabilities only when they were asked for', () => {
    const user = { uid: 1000, gid: 100, additionalGids: [4, 24], home: '/home/u' };
    const plain = containerPlan(planInput({}, {}, { user }));
    const ids = stepOf(plain, 'setIds');
    assert.deepEqual([ids.uid, ids.gid, ids.keepCapabilities, ids.umask], [1000, 100, 0, 0o022]);
    assert.deepEqual([...new Uint32Array(Uint8Array.from(ids.groups).buffer)], [4, 24]);
    const none = stepOf(plain, 'setCapabilities');
    assert.deepEqual([none.effective, none.permitted, none.inheritable, none.ambient], [0n, 0n, 0n, 0n]);
    const asked = containerPlan(planInput({ capabilities: { add: ['CAP_NET_BIND_SERVICE'] } }, {}, { user }));
    assert.equal(stepOf(asked, 'setIds').keepCapabilities, 1);
    const some = stepOf(asked, 'setCapabilities');
    assert.deepEqual([some.effective, some.permitted, some.inheritable, some.ambient], Array(4).fill(1n << 10n));
  });

  test('root has the effective set, and nothing inheritable', () => {
    const capabilities = stepOf(planOf({ capabilities: { drop: ['CAP_NET_RAW'] } }), 'setCapabilities');
    assert.equal(capabilities.effective & (1n << 13n), 0n);
    assert.notEqual(capabilities.effective & (1n << 0n), 0n);
    assert.deepEqual([capabilities.inheritable, capabilities.ambient], [0n, 0n]);
    assert.equal(
      stepOf(planOf({ capabilities: { drop: ['CAP_NET_RAW'] } }), 'limitBoundingSet').keep & (1n << 13n),
      0n,
    );
  });

  test('a terminal takes the place of pipes', () => {
    const plan = planOf({ terminal: true });
    assert.deepEqual([...stepsOf(plan, 'makePipes'), ...stepsOf(plan, 'setSession')], []);
    assert.deepEqual(stepOf(plan, 'openTerminal'), { kind: 'openTerminal', rows: 24, columns: 80 });
    assert.ok(stepOf(plan, 'execute').env.includes('TERM=xterm-256color'));
    assert.equal(stepOf(containerPlan(planInput({}, { stdin: true })), 'makePipes').stdin, 1);
    assert.equal(stepOf(planOf(), 'makePipes').stdin, 0);
  });

  test('the command is looked for as execvp does', () => {
    const pathsOf = (args: string[], env?: string[]) =>
      stepOf(planOf({ args, ...(env === undefined ? {} : { env }) }), 'execute').paths;
    assert.deepEqual(pathsOf(['ls'], ['PATH=/a:/b']), ['/a/ls', '/b/ls']);
    assert.deepEqual(pathsOf(['ls'], ['PATH=/a:']), ['/a/ls', './ls']);
    assert.deepEqual(pathsOf(['./x']), ['./x']);
    assert.deepEqual(pathsOf(['']), ['']);
  });

  test('without a command PID 1 stays, and an init of ours comes above one', () => {
    const staying = containerPlan(planInput({ args: [] }, { execution: { kind: 'stay' } }));
    assert.equal(staying.at(-1)?.kind, 'stayInit');
    assert.deepEqual(stepsOf(staying, 'execute'), []);
    const supervised = containerPlan(planInput({}, { execution: { kind: 'execute', supervise: true } }));
    assert.equal(stepOf(supervised, 'execute').supervise, 1);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { renderScript } from '../../../helper/ledger/script.js';
import { containerPlan } from '../../../helper/plan/containerPlan.js';
import { execPlan } from '../../../helper/plan/execPlan.js';
import type { Plan, Step } from '../../../helper/plan/step.js';
import type { ContainerSpecification } from '../../../helper/protocol/index.js';
import type { Identity } from '../../../helper/zygote/identity.js';
import { planInput, rangeIdentity, singleIdentity } from '../plan/samples.js';

const render = (plan: Plan, identity: Identity = rangeIdentity): string =>
  renderScript(plan, { container: '0123456789ab', operation: 'start-1', identity });
const scriptOf = (specification: ContainerSpecification): string => render(containerPlan(planInput(specification)));

/** bash itself says whether it is a script. */
function assertSound(script: string): void {
  const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
  assert.equal(status, 0, `${stderr}\n${script}`);
}

/** The words that bash makes of one line, as a program would get them. */
function words(line: string): string[] {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', `set -- ${line}\nprintf '%s\\0' "$@"`], {
    encoding: 'utf8',
    env: {},
  });
  assert.equal(status, 0, stderr);
  return stdout.split('\0').slice(0, -1);
}

const hostile = [
  "it's",
  '$(touch /tmp/pwned)',
  '`id`',
  '"; rm -rf / #',
  'a b\tc',
  'line\nbreak',
  '\\',
  "\\'",
  '*',
  '~',
  '!x',
  '{a,b}',
  '',
  'é🐢',
  '\u001b]0;title\u0007',
  '\u009b31m',
  '-n',
];

test('scripts of every sort of container are sound', () => {
  const specifications: ContainerSpecification[] = [
    {},
    { root: { kind: 'host' } },
    { chroot: true },
    { terminal: true, writable: 'none', user: '1000' },
    { network: { kind: 'host' }, namespaces: { pid: 'host', ipc: 'host', uts: 'host', cgroup: 'host' } },
    { timeOffsets: { monotonic: { secs: -1, nanosecs: 0 }, boottime: { secs: 5, nanosecs: 0 } } },
    { sysctl: { 'net.ipv4.ip_forward': '1' }, rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1, hard: 2 }] },
    {
      mounts: [
        { source: '/src', destination: '/dst', options: ['ro'] },
        { destination: '/t', options: ['size=1m'] },
      ],
    },
  ];
  for (const specification of specifications) assertSound(scriptOf(specification));
  assertSound(render(containerPlan(planInput({ args: [] }, { execution: { kind: 'stay' } })), singleIdentity));
});

test('hostile words stay the words that they are', () => {
  const env = hostile.map((word, index) => `V${index}=${word}`);
  const script = scriptOf({ args: ['prog', ...hostile], env });
  assertSound(script);
  // The command comes last, whatever of its words are on lines of their own.
  const [, command = ''] = /^exec ((?:\S+ )?(?:setpriv|env) .*)$/ms.exec(script.trimEnd()) ?? [];
  const given = words(command);
  assert.deepEqual(given.slice(given.indexOf('prog')), ['prog', ...hostile]);
  for (const variable of env) assert.ok(given.includes(variable), variable);
});

test('hostile paths and values are sound, too, and nothing that a terminal obeys is in the script', () => {
  for (const word of hostile) {
    const script = scriptOf({
      hostname: word,
      cwd: `/${word}`,
      mounts: [{ source: `/${word}`, destination: `/d/${word}` }],
      maskedPaths: [`/m/${word}`],
      readonlyPaths: [`/r/${word}`],
      sysctl: { 'kernel.x': word },
    });
    assertSound(script);
    // Line ends are the script's own.
    assert.doesNotMatch(script, /[^\P{Cc}\n]/u);
  }
});

test('namespaces, ids, clocks and privileges are those of the plan', () => {
  const script = scriptOf({ timeOffsets: { monotonic: { secs: -5, nanosecs: 0 } } });
  const unshare = /^ {2}exec unshare (.*) -- bash/m.exec(script)?.[1] ?? '';
  for (const option of ['--user', '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', '--time']) {
    assert.ok(unshare.split(' ').includes(option), `${option} in ${unshare}`);
  }
  assert.match(unshare, /--map-(auto|users)/);
  assert.match(unshare, /--monotonic -5/);
  assert.match(script, /--no-new-privs/);
  assert.match(script, /pivot_root \. \./);
  const shared = scriptOf({ network: { kind: 'host' }, noNewPrivileges: false });
  assert.doesNotMatch(shared, /exec unshare .*--net/);
  assert.doesNotMatch(shared, /--no-new-privs/);
  assert.doesNotMatch(render(containerPlan(planInput()), singleIdentity), /--map-(auto|users)/);
});

test('groups of the user come along', () => {
  const user = { uid: 1000, gid: 100, additionalGids: [4, 24], home: '/' };
  assert.match(render(containerPlan(planInput({}, {}, { user }))), /--reuid 1000 --regid 100 --groups 4,24/);
  assert.match(scriptOf({}), /--reuid 0 --regid 0 --clear-groups/);
});

test("the container's own folders become the script's", () => {
  const root = {
    path: '/home/u/terrarium/containers/0123456789ab/rootfs',
    content: {
      kind: 'layered' as const,
      layers: {
        lower: ['/home/u/terrarium/images/layers/abc'],
        writable: {
          upper: '/home/u/terrarium/containers/0123456789ab/upper',
          work: '/home/u/terrarium/containers/0123456789ab/work',
        },
        volatile: false,
      },
    },
  };
  const script = render(containerPlan(planInput({}, { root })));
  assertSound(script);
  assert.doesNotMatch(script.replace(/^#.*$/gm, ''), /containers\/0123456789ab/);
  assert.match(script, /lowerdir=\/home\/u\/terrarium\/images\/layers\/abc,upperdir=\$dir\/upper/);
});

test('entering is one command, as the same user', () => {
  const { config, monitor, seccomp } = planInput({ args: ['sh', '-c', "echo 'x'"] });
  const script = render(
    execPlan({
      target: { pid: 42, startTime: 1 },
      namespaces: ['user', 'mount', 'pid'],
      process: { ...config.process, user: { uid: 7, gid: 8 } },
      identity: rangeIdentity.gidMappings,
      seccomp,
      monitor,
      cgroup: { cloneInto: '', afterClone: [], eventsFile: '' },
      stdin: false,
    }),
  );
  assertSound(script);
  const line = /^exec (env -i .*)$/m.exec(script)?.[1] ?? '';
  assert.deepEqual(words(line).slice(-3), ['sh', '-c', "echo 'x'"]);
  assert.match(line, /--target 42 .*\$ids -- /);
  assert.match(script, /^process 42 1$/m);
  // Where nothing can drop capabilities, nsenter takes the user at once.
  assert.match(script, /^ids='--setuid 7 --setgid 8' drop=\(\)$/m);
  assert.match(script, /-x \/proc\/42\/root\/usr\/bin\/setpriv .*--reuid 7 --regid 8 /);
});

test('cgroups are joined before the namespaces are made', () => {
  const cgroup = {
    beforeClone: [
      { kind: 'makeCgroup', path: '/sys/fs/cgroup/a b' },
      { kind: 'writeFile', path: '/sys/fs/cgroup/a b/memory.max', data: '1048576', magic: 0 },
    ] satisfies Step[],
    cloneInto: '/sys/fs/cgroup/a b',
    afterClone: [],
    eventsFile: '',
  };
  const script = render(containerPlan(planInput({}, { cgroup })));
  assertSound(script);
  const order = ["mkdir -p '/sys/fs/cgroup/a b-script'", 'a b-script/memory.max', 'cgroup.procs', 'exec unshare'];
  const places = order.map((text) => script.indexOf(text));
  assert.ok(places.every((place) => place > 0));
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
});

test('a script says where it differs from the container', () => {
  const gaps = (plan: Plan) => [...render(plan).matchAll(/^# - (.*)$/gm)].map(([, gap]) => gap);
  const told = gaps(containerPlan(planInput({ init: true, timeOffsets: { boottime: { secs: 1, nanosecs: 5 } } })));
  assert.ok(told.some((gap) => gap?.startsWith('There is no monitor')));
  assert.ok(told.includes('Clocks are shifted by whole seconds.'));
  assert.ok(!told.some((gap) => gap?.startsWith('Left out')));
  // A step that nobody has taught the script says itself what is missing.
  const step: Step = { kind: 'lease', path: '/x' };
  assert.match(gaps([...containerPlan(planInput()), step]).join('\n'), /^Left out: End as soon as .*, it would stay/m);
  const terminal = gaps(containerPlan(planInput({ terminal: true })));
  assert.ok(terminal.includes('It has the terminal that the script was started in, not one of its own.'));
});

test('a container of a named network is connected as the stage does it, by who has a say over both sides', () => {
  const connection = {
    anchor: { pid: 7, startTime: 1 },
    port: 'p-0123',
    address: '10.1.2.3',
    prefix: 24,
    ipv6: { address: 'fd00::3' },
  };
  const script = render(containerPlan(planInput({ network: { kind: 'bridge', network: 'n' } }, { connection })));
  assertSound(script);
  const order = [
    'exec nsenter --user=/proc/self/fd/10',
    'exec 10< /proc/7/ns/net; process 7 1',
    "-q ': p-'",
    'uid_map',
    'ip link add p-0123 type veth',
    'master bridge0 up',
    'exec unshare --user',
  ];
  const places = [
    ...order,
    'ip addr add 10.1.2.3/24 dev eth0',
    'ip addr add fd00::3/64 dev eth0 nodad',
    'ip link set eth0 up',
  ].map((text) => script.indexOf(text));
  assert.ok(
    places.every((place) => place > 0),
    script,
  );
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test('namespaces of others are opened, looked at and joined, and closed again before the root is made', () => {
  const joins = [
    { process: { pid: 7, startTime: 123 }, types: ['ipc', 'network'] },
    { process: { pid: 9, startTime: 5 }, types: ['user'] },
  ] as const;
  const namespaces = { ipc: { container: 'web' }, user: { process: 9 } };
  const plan = containerPlan(planInput({ namespaces, network: { kind: 'container', container: 'web' } }, { joins }));
  const zygote = { pid: 3, startTime: 1 };
  const script = renderScript(plan, { container: '0', operation: 'start-1', identity: rangeIdentity, zygote });
  assertSound(script);
  const order = [
    'exec 10< /proc/3/ns/user',
    'process 3 1',
    'exec nsenter --user=/proc/self/fd/10 -- bash "$0" around',
    'exec 11< /proc/7/ns/ipc 12< /proc/7/ns/net 13< /proc/9/ns/user',
    'process 7 123',
    'process 9 5',
    'exec nsenter --ipc=/proc/self/fd/11 --net=/proc/self/fd/12 -- unshare --mount --propagation private -- ',
    '"$dir"/prepared/0',
    'exec nsenter --user=/proc/self/fd/13 -- unshare --mount',
    'exec 11<&- 12<&- 13<&-',
    'mount --bind "$dir"/prepared/0 "$root"/',
  ];
  let place = script.indexOf('\nfi\n');
  for (const text of order) {
    const next = script.indexOf(text, place);
    assert.ok(next > 0, `${text} after ${place} of\n${script}`);
    place = next;
  }
  // Ids of the other's, and none of ours.
  assert.doesNotMatch(script, /uid_map|unshare --user/);
});

test('limits of processes are set after all that the script still has to start', () => {
  const script = scriptOf({ rlimits: [{ type: 'RLIMIT_NPROC', soft: 1, hard: 1 }] });
  assert.match(script, /^exec prlimit --nproc=1:1 setpriv /m);
  assert.match(
    scriptOf({ rlimits: [{ type: 'RLIMIT_NPROC', soft: 1, hard: 1 }], chroot: true }),
    /\$\(borrow prlimit\) --nproc=1:1/,
  );
});

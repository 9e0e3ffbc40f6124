import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainFailure, type Facts } from '../../../helper/doctor/explain.js';
import { lineIds } from '../../../helper/doctor/lines.js';
import { lineOfFile } from '../../../helper/doctor/resourceRules.js';
import { trialRules } from '../../../helper/doctor/trialRules.js';
import type { DoctorLineId } from '../../../helper/protocol/index.js';

const facts: Facts = { kernel: '5.15.0', architecture: 'x64', mapping: 'range', namespaceLimits: {}, mounts: [] };

/** Line, errno, facts; words of the cause and of the fix or command. */
const known: [DoctorLineId, string, Partial<Facts>, RegExp, RegExp][] = [
  ['overlay-layers', 'EINVAL', {}, /5\.15\.0.*6\.7/, /newer kernel/],
  ['idmapped-mount', 'EINVAL', {}, /6\.3/, /newer kernel/],
  ['cgroup-mount', 'EPERM', {}, /refuses a cgroup2/, /findmnt/],
  ['pid-namespace', 'EINVAL', {}, /without pid namespaces/, /CONFIG_PID_NS/],
  ['uts-namespace', 'EINVAL', {}, /without UTS namespaces/, /CONFIG_UTS_NS/],
  ['ipc-namespace', 'EINVAL', {}, /without IPC namespaces/, /CONFIG_IPC_NS/],
  ['network', 'EINVAL', {}, /without network namespaces/, /CONFIG_NET_NS/],
  ['cgroup-namespace', 'EINVAL', {}, /without cgroup namespaces/, /CONFIG_CGROUPS/],
  ['time-namespace', 'EINVAL', {}, /without time namespaces/, /CONFIG_TIME_NS/],
  ['cgroup-clone', 'EACCES', {}, /above both/, /Restart the zygote/],
  ['cgroup-clone', 'EOPNOTSUPP', {}, /hands out controllers/, /moved/],
  ['keyring', 'EDQUOT', {}, /as many keys/, /kernel\.keys\.maxkeys/],
  ['keyring', 'EPERM', {}, /seccomp filter around us/, /keyctl/],
  ['veth', 'EOPNOTSUPP', {}, /no veth loaded/, /modprobe veth/],
  ['ipv6', 'EOPNOTSUPP', {}, /without IPv6/, /proc\/cmdline/],
  ['bridge', 'EOPNOTSUPP', {}, /no bridge loaded/, /modprobe bridge/],
  ['masquerade', 'ENOENT', {}, /no nft_masq loaded/, /modprobe nft_masq/],
  ['netem', 'ENOENT', {}, /no sch_netem loaded/, /modprobe sch_netem/],
  ['low-port', 'EACCES', {}, /below 1024/, /1024 on/],
  ['ping', 'EACCES', {}, /ping_group_range/, /CAP_NET_RAW/],
  ['seccomp-log', 'ESRCH', {}, /4\.14/, /actions_avail/],
  ['seccomp-notify', 'EBUSY', {}, /a listener already/, /without a filter that notifies/],
  ['seccomp-notify', 'EINVAL', {}, /5\.0/, /uname -r/],
  ['ptrace', 'EPERM', { ptraceScope: 2 }, /only administrators.*ptrace_scope is 2/, /ptrace_scope = 1/],
  ['ptrace', 'EPERM', { ptraceScope: 3 }, /nobody/, /next start/],
  ['ptrace', 'EPERM', {}, /seccomp filter or a security module/, /children/],
];

for (const [id, errno, changed, cause, remedy] of known) {
  test(`${id} that answers ${errno}${changed.ptraceScope === undefined ? '' : ` with ${changed.ptraceScope}`}`, () => {
    const failure = { step: id === 'time-namespace' ? 'unshare' : 'trial', syscall: 'x', errno, path: '' };
    const explanation = trialRules[id]?.(failure, { ...facts, ...changed });
    assert.ok(explanation, id);
    assert.match(explanation.cause, cause);
    assert.match(`${explanation.fix} ${explanation.command ?? ''}`, remedy);
  });
}

test('every rule of a trial is known here, and leaves other errnos to the general rules', () => {
  const tested = new Set(known.map(([id]) => id));
  assert.deepEqual(
    Object.keys(trialRules).filter((id) => !tested.has(id as DoctorLineId)),
    [],
  );
  for (const rule of Object.values(trialRules)) {
    assert.equal(rule({ step: 'trial', syscall: '', errno: 'EDOM', path: '' }, facts), undefined);
  }
});

test('failures that no rule knows lead to the line that tries the same step', () => {
  const at = (step: string) => explainFailure({ step, syscall: '', errno: 'EDOM', path: '' }, facts).doctor;
  assert.deepEqual(['zygote', 'pivotRoot', 'bind', 'setHostname', 'makeCgroup'].map(at), [
    'user-namespace',
    'pivot-root',
    'bind',
    'uts-namespace',
    'cgroup',
  ]);
  assert.equal(at('symlink'), undefined);
});

test('a file of a controller leads to the line on the controller', () => {
  for (const [file, line] of [
    ['/sys/fs/cgroup/user.slice/x/memory.max', 'cgroup-memory'],
    ['/sys/fs/cgroup/memory/x/memory.memsw.limit_in_bytes', 'cgroup-memory'],
    ['/sys/fs/cgroup/x/cpu.max.burst', 'cgroup-cpu'],
    ['/sys/fs/cgroup/x/cpuset.cpus', 'cgroup-cpuset'],
    ['/sys/fs/cgroup/x/pids.max', 'cgroup-pids'],
    ['/sys/fs/cgroup/x/io.max', 'cgroup-io'],
    ['/sys/fs/cgroup/blkio/x/blkio.throttle.read_bps_device', 'cgroup-io'],
    ['/sys/fs/cgroup/x/hugetlb.2MB.max', 'cgroup-hugetlb'],
    ['/sys/fs/cgroup/freezer/x/freezer.state', 'cgroup-freezer'],
    ['/sys/fs/cgroup/x/cgroup.procs', 'cgroup'],
    ['/sys/fs/cgroup/memory.slice/x', 'cgroup'],
  ] as const) {
    assert.equal(lineOfFile(file), line, file);
    assert.ok(lineIds.includes(line));
  }
});

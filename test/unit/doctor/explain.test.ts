import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainFailure, type Facts, type Failure } from '../../../helper/doctor/explain.js';
import { parseMountinfo } from '../../../helper/inspect/mountinfo.js';

const plainMounts = `1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:5 / /proc rw - proc proc rw
3 2 0:6 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw
4 1 0:7 / /mnt/nfs rw - nfs4 server:/ rw
5 1 0:8 / /var/data rw - overlay overlay rw
`;
const facts: Facts = {
  kernel: '6.1.0',
  architecture: 'x64',
  mapping: 'range',
  namespaceLimits: { user: 15_000, net: 15_000 },
  processLimit: 1000,
  mounts: parseMountinfo(plainMounts),
};
const masked: Facts = {
  ...facts,
  mounts: parseMountinfo(`${plainMounts}6 2 0:9 / /proc/kcore rw - tmpfs tmpfs rw\n`),
};

/** Where, what the machine is like, and words that the cause and the fix or command must have. */
const table: [what: string, failure: Partial<Failure>, facts: Facts, cause: RegExp, remedy: RegExp][] = [
  [
    'a namespace limit of 0 is no full disk',
    { step: 'zygote', syscall: 'unshare', errno: 'ENOSPC' },
    { ...facts, namespaceLimits: { user: 0 } },
    /not about disk space: user\.max_user_namespaces is 0/,
    /user\.max_user_namespaces = 15000/,
  ],
  [
    'a namespace limit that is reached',
    { step: 'clone', syscall: 'clone3', errno: 'ENOSPC' },
    facts,
    /not about disk space/,
    /max_\.\*_namespaces/,
  ],
  [
    'a source that is a link now',
    { step: 'bind', syscall: 'openat2', errno: 'ELOOP', path: '/home/me/work' },
    facts,
    /\/home\/me\/work is a link now/,
    /namei '\/home\/me\/work'/,
  ],
  [
    'a process that was stopped on its way in',
    { step: 'changeDirectory', syscall: '', errno: 'ETIMEDOUT', path: '/' },
    facts,
    /stopped it/,
    /what runs in the container/,
  ],
  [
    'a full disk is one',
    { step: 'makeDirectory', syscall: 'mkdirat', errno: 'ENOSPC', path: '/var/data/x' },
    facts,
    /No space.*\/var\/data/,
    /df -h/,
  ],
  [
    "AppArmor's restriction",
    { step: 'mapIds', syscall: 'write', errno: 'EPERM' },
    { ...facts, apparmorRestriction: 1 },
    /AppArmor/,
    /kernel\.apparmor_restrict_unprivileged_userns = 0/,
  ],
  [
    'the switch of Debian and Arch',
    { step: 'zygote', syscall: 'unshare', errno: 'EPERM' },
    { ...facts, unprivilegedUserNamespaces: 0 },
    /unprivileged_userns_clone is 0/,
    /unprivileged_userns_clone = 1/,
  ],
  [
    'a user namespace that is refused to the zygote is not about ids',
    { step: 'zygote', syscall: 'unshare', errno: 'EPERM' },
    facts,
    /seccomp filter of a surrounding container/,
    /seccomp=unconfined/,
  ],
  [
    'a map that newuidmap refuses the zygote is',
    { step: 'zygote', syscall: 'newuidmap', errno: 'EPERM' },
    facts,
    /does not allow this map of ids/,
    /getcap/,
  ],
  [
    'a surrounding seccomp filter',
    { step: 'clone', syscall: 'clone3', errno: 'EPERM' },
    facts,
    /surrounding container/,
    /seccomp/,
  ],
  [
    'a filter that refuses the way of its own listener',
    { step: 'installSeccomp', syscall: 'sendmsg', errno: 'EPERM' },
    facts,
    /refuses sendmsg/,
    /Allow sendmsg/,
  ],
  [
    'an id range that is no longer granted',
    { step: 'mapIds', syscall: 'write', errno: 'EPERM' },
    facts,
    /\/etc\/subuid/,
    /newuidmap/,
  ],
  [
    'a user beyond a single id',
    { step: 'setIds', syscall: 'setresuid', errno: 'EINVAL' },
    { ...facts, mapping: 'single' },
    /only root is mapped/,
    /add-subuids/,
  ],
  [
    'too many processes',
    { step: 'clone', syscall: 'clone3', errno: 'EAGAIN' },
    facts,
    /RLIMIT_NPROC \(1000\)/,
    /pids\.max/,
  ],
  [
    'a covered /proc, as in containers',
    { step: 'mount', syscall: 'fsmount', errno: 'EPERM', path: '/proc' },
    masked,
    /covered by mounts/,
    /systempaths=unconfined/,
  ],
  [
    'an uncovered /proc is not called covered',
    { step: 'mount', syscall: 'fsmount', errno: 'EPERM', path: '/proc' },
    facts,
    /refuses a new \/proc/,
    /pid namespace/,
  ],
  [
    'sysfs without a network of its own',
    { step: 'mount', syscall: 'fsmount', errno: 'EPERM', path: '/sys' },
    facts,
    /network namespace/,
    /network of its own/,
  ],
  [
    'an upper layer on overlay',
    { step: 'mount', syscall: 'mount', errno: 'EINVAL', path: '/var/data/c/rootfs' },
    facts,
    /is on overlay/,
    /XDG_DATA_HOME/,
  ],
  [
    'an upper layer on NFS',
    { step: 'mount', syscall: 'mount', errno: 'EINVAL', path: '/mnt/nfs/c/rootfs' },
    facts,
    /is on nfs4/,
    /ext4/,
  ],
  [
    'a layer left over by a crash',
    { step: 'mount', syscall: 'mount', errno: 'EINVAL', path: '/home/ann/rootfs' },
    facts,
    /volatile/,
    /make it anew/,
  ],
  [
    'layers that overlap',
    { step: 'mount', syscall: 'fsconfig', errno: 'ELOOP', path: '/var' },
    facts,
    /overlap/,
    /outside/,
  ],
  [
    'an overlay module that is not loaded',
    { step: 'mount', syscall: 'mount', errno: 'ENODEV', path: '/home/ann/rootfs' },
    facts,
    /no overlay file system/,
    /modprobe overlay/,
  ],
  [
    'the source of a mount is missing',
    { step: 'bind', syscall: 'open_tree', errno: 'ENOENT', path: '/no/such' },
    facts,
    /no \/no\/such on this machine/,
    /source/,
  ],
  [
    'the source of a mount is out of reach',
    { step: 'bind', syscall: 'open_tree', errno: 'EACCES', path: "/root/it's" },
    facts,
    /may not reach/,
    /namei -l '\/root\/it'\\''s'/,
  ],
  [
    'mounts below the source are locked',
    { step: 'bind', syscall: 'open_tree', errno: 'EINVAL', path: '/proc' },
    facts,
    /locked/,
    /rbind/,
  ],
  [
    'a link in the place of /proc',
    { step: 'mount', syscall: 'openat2', errno: 'ELOOP', path: '/proc' },
    facts,
    /is a link/,
    /Do not trust/,
  ],
  [
    'the command is not there',
    { step: 'execute', syscall: 'execve', errno: 'ENOENT', path: 'frob' },
    facts,
    /no frob/,
    /Correct the command/,
  ],
  [
    'the command is not executable',
    { step: 'execute', syscall: 'execve', errno: 'EACCES', path: '/x' },
    facts,
    /not executable/,
    /chmod \+x/,
  ],
  [
    'the command is of another architecture',
    { step: 'execute', syscall: 'execve', errno: 'ENOEXEC', path: '/x' },
    facts,
    /x64.*another architecture/,
    /qemu-user/,
  ],
  [
    'the working directory is missing',
    { step: 'changeDirectory', syscall: 'openat2', errno: 'ENOENT', path: '/w' },
    facts,
    /\/w is no folder/,
    /cwd/,
  ],
  [
    'a hard limit above ours',
    { step: 'setRlimit', syscall: 'prlimit64', errno: 'EPERM' },
    facts,
    /hard limit/,
    /ulimit -H/,
  ],
  [
    'a sysctl of the machine',
    { step: 'writeFile', syscall: 'openat', errno: 'EACCES', path: '/proc/sys/vm/swappiness' },
    facts,
    /whole machine/,
    /namespace/,
  ],
  [
    'a cgroup that is not delegated',
    { step: 'clone', syscall: 'clone3', errno: 'EACCES' },
    facts,
    /cgroup.*not yours/,
    /Delegate=/,
  ],
  [
    'swap without accounting',
    {
      step: 'writeFile',
      syscall: 'openat',
      errno: 'ENOENT',
      path: '/sys/fs/cgroup/memory/x/memory.memsw.limit_in_bytes',
    },
    facts,
    /account for swap/,
    /swapaccount=1/,
  ],
  [
    'a read-only root',
    { step: 'makeDirectory', syscall: 'mkdirat', errno: 'EROFS', path: '/var/data/x' },
    facts,
    /read-only file system \(\/var\/data\)/,
    /writable layer/,
  ],
  ['too many open files', { step: 'bind', syscall: 'openat', errno: 'EMFILE' }, facts, /RLIMIT_NOFILE/, /ulimit -n/],
  ['no memory', { step: 'clone', syscall: 'clone3', errno: 'ENOMEM' }, facts, /memory/, /memory\.max/],
  ['in use', { step: 'pivotRoot', syscall: 'pivot_root', errno: 'EBUSY' }, facts, /in use/, /Stop/],
  ['a quota', { step: 'makeFile', syscall: 'openat', errno: 'EDQUOT' }, facts, /quota/, /Remove containers/],
  [
    'an old kernel',
    { step: 'bind', syscall: 'mount_setattr', errno: 'ENOSYS' },
    facts,
    /6\.1\.0.*mount_setattr/,
    /5\.12/,
  ],
  ['a plan that is not understood', { step: 'decode', errno: 'EBADMSG' }, facts, /versions/, /Reload/],
  [
    'namespaces of a process that has ended',
    { step: 'setNamespaces', syscall: 'pidfd_open', errno: 'ESRCH' },
    facts,
    /has ended/,
    /Start/,
  ],
];

for (const [what, failure, machine, cause, remedy] of table) {
  test(what, () => {
    const explanation = explainFailure({ step: '', syscall: '', errno: '', path: '', ...failure }, machine);
    assert.match(explanation.cause, cause);
    assert.match(`${explanation.fix}\n${explanation.command ?? ''}`, remedy);
  });
}

test('what no rule knows is still answered, with the manual page', () => {
  const explanation = explainFailure(
    { step: 'setDomainname', syscall: 'setdomainname', errno: 'EINVAL', path: '' },
    facts,
  );
  assert.match(explanation.cause, /setdomainname\(2\) answered EINVAL/);
  assert.equal(explanation.command, 'man 2 setdomainname');
});

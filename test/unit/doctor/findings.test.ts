import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CgroupAccess } from '../../../helper/cgroup/access.js';
import { adviceOf, cgroupLine, controllerFinding } from '../../../helper/doctor/cgroupFindings.js';
import type { Facts, Failure } from '../../../helper/doctor/explain.js';
import { type Finding, findingOf, refused } from '../../../helper/doctor/finding.js';
import { type GrantFacts, idRangeFinding, idToolsFinding } from '../../../helper/doctor/identityFindings.js';
import { dataFolderFinding, switchesFinding } from '../../../helper/doctor/machineFindings.js';
import { helperFinding } from '../../../helper/doctor/networkFindings.js';
import { errnoIn, lastLine } from '../../../helper/doctor/programText.js';
import { lingerFinding, systemdFinding } from '../../../helper/doctor/sessionFindings.js';
import { parseMountinfo } from '../../../helper/inspect/mountinfo.js';
import { decideIdentity } from '../../../helper/zygote/identity.js';

const facts: Facts = {
  kernel: '6.1.0',
  architecture: 'x64',
  mapping: 'range',
  namespaceLimits: { user: 15_000 },
  mounts: parseMountinfo(
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:4 / /home rw - nfs4 server:/ rw\n3 1 0:5 / /mnt/over rw - overlay o rw\n',
  ),
};

/** What a finding must have: verdict, errno, and words of what was tried, the fix and the command. */
function assertFinding(
  finding: Finding,
  verdict: Finding['verdict'],
  errno: string | undefined,
  tried: RegExp,
  fix?: RegExp,
  command?: RegExp,
): void {
  assert.equal(finding.verdict, verdict, finding.tried);
  assert.equal(finding.errno, errno);
  assert.match(finding.tried, tried);
  if (fix === undefined) assert.equal(finding.fix, undefined);
  else assert.match(finding.fix ?? '', fix);
  if (command === undefined) assert.equal(finding.command, undefined);
  else assert.match(finding.command ?? '', command);
}

describe('a trial by a plan', () => {
  const failure: Failure = { step: 'unshare', syscall: 'unshare', errno: 'EDOM', path: '' };

  it('works when nothing failed', () => {
    assertFinding(findingOf(undefined, 'a thing', facts), 'works', undefined, /^Made a thing\.$/);
  });

  it('says call and errno once, when no rule knows more', () => {
    assertFinding(
      refused(failure, 'a thing', facts),
      'missing',
      'EDOM',
      /^Tried to make a thing: unshare answered EDOM\.$/,
      /ledger/,
      /man 2 unshare/,
    );
  });

  it('is explained by its own rule first, and by the general ones where that has no answer', () => {
    const own = () => ({ cause: 'The moon.', fix: 'Wait.' });
    assertFinding(refused(failure, 'a thing', facts, own), 'missing', 'EDOM', /EDOM\. The moon\./, /^Wait\.$/);
    const none = () => undefined;
    const general = refused({ ...failure, errno: 'ENOSPC' }, 'a thing', facts, none);
    assertFinding(general, 'missing', 'ENOSPC', /not about disk space/, /raise/, /sysctl/);
  });
});

const v2: CgroupAccess = { mode: 'v2', parent: '/sys/fs/cgroup/me', controllers: ['memory'] };
const v1: CgroupAccess = { mode: 'v1', parents: { memory: '/sys/fs/cgroup/memory/me' } };
const kernel: ReadonlySet<string> = new Set(['memory', 'hugetlb', 'blkio', 'io']);

describe('the line on control groups', () => {
  it('passes on why there are none, and the command of the remedy', () => {
    const none: CgroupAccess = {
      mode: 'none',
      reason: 'Nobody gave you one.',
      remedy: 'Run sudo give and log in again.',
      command: 'sudo give',
    };
    assertFinding(
      cgroupLine(none),
      'missing',
      undefined,
      /Nobody gave/,
      /^Run the command below and log in again\.$/,
      /^sudo give$/,
    );
  });

  it('works where groups were made, in part where something was not delegated', () => {
    assertFinding(cgroupLine(v2), 'works', undefined, /cgroup v2 below \/sys\/fs\/cgroup\/me/);
    assertFinding(cgroupLine(v1), 'works', undefined, /cgroup v1 below \/sys\/fs\/cgroup\/memory\/me/);
    const partly: CgroupAccess = { ...v2, notice: { reason: 'No cpu.', remedy: 'Ask for it.' } };
    assertFinding(cgroupLine(partly), 'partial', undefined, /No cpu\./, /^Ask for it\.$/);
  });

  for (const [errno, fix] of [
    ['EAGAIN', /cgroup\.max\.descendants/],
    ['EROFS', /mounted read-only/],
    ['EACCES', /delegated to you/],
  ] as const) {
    it(`tells what ${errno} means when a group cannot be made after all`, () => {
      const finding = cgroupLine(v2, { parent: '/sys/fs/cgroup/me', errno });
      assertFinding(finding, 'missing', errno, /below \/sys\/fs\/cgroup\/me/, fix, /cgroup\.max\.descendants/);
    });
  }

  it('takes a remedy apart into what to do and what to copy', () => {
    assert.deepEqual(adviceOf({ reason: '', remedy: 'Move them.' }), { fix: 'Move them.' });
    assert.deepEqual(adviceOf({ reason: '', remedy: 'Run a $& b', command: 'a $& b' }), {
      fix: 'Run the command below.',
      command: 'a $& b',
    });
  });
});

describe('the line on a controller', () => {
  it('works when the value was read back', () => {
    assertFinding(
      controllerFinding({ controller: 'memory', file: 'memory.max' }, v2, kernel),
      'works',
      undefined,
      /memory\.max/,
    );
  });

  it('is partial when another one was', () => {
    const trial = { controller: 'memory', file: 'memory.max', readBack: '4096' };
    assertFinding(controllerFinding(trial, v2, kernel), 'partial', undefined, /read back "4096"/, /group above/);
  });

  it('that the kernel lacks is the kernel’s fault', () => {
    const trial = { controller: 'rdma', errno: 'ENOENT' };
    assertFinding(
      controllerFinding(trial, v2, kernel),
      'missing',
      'ENOENT',
      /no file of rdma/,
      /kernel has no/,
      /\/proc\/cgroups/,
    );
  });

  it('that was not delegated is had by the drop-in of systemd', () => {
    const trial = { controller: 'io', errno: 'ENOENT' };
    assertFinding(controllerFinding(trial, v2, kernel), 'missing', 'ENOENT', /io/, /log in again/, /delegate\.conf/);
  });

  it('that systemd does not know is had from root', () => {
    const trial = { controller: 'hugetlb', errno: 'ENOENT' };
    assertFinding(controllerFinding(trial, v2, kernel), 'missing', 'ENOENT', /hugetlb/, /subtree_control/);
  });

  it('whose absence was told already is had as that says', () => {
    const absent = { blkio: { reason: 'No group.', remedy: 'Run sudo make-one', command: 'sudo make-one' } };
    const trial = { controller: 'blkio', errno: 'ENOENT' };
    const finding = controllerFinding(trial, { ...v1, absent }, kernel);
    assertFinding(finding, 'missing', 'ENOENT', /blkio/, /^Run the command below\.$/, /^sudo make-one$/);
    assertFinding(controllerFinding(trial, v1, kernel), 'missing', 'ENOENT', /blkio/, /made for you by root/);
  });

  it('in a file system that is read-only is not asked for again', () => {
    const trial = { controller: 'memory', file: 'memory.max', errno: 'EROFS' };
    assertFinding(controllerFinding(trial, v2, kernel), 'missing', 'EROFS', /memory\.max/, /read-only/, /findmnt/);
  });
});

const range = { start: 100_000, count: 65_536 };
const grants: GrantFacts = {
  administrator: false,
  ranges: [
    { file: '/etc/subuid', range },
    { file: '/etc/subgid', range },
  ],
  tools: [
    { name: 'newuidmap', path: '/usr/bin/newuidmap', privileged: true },
    { name: 'newgidmap', path: '/usr/bin/newgidmap', privileged: true },
  ],
};
const uidmapOnly = grants.tools.slice(0, 1);
const powerless = grants.tools.map((tool) => ({ ...tool, privileged: false }));

describe('lines on ids', () => {
  it('what grants and maps them', () => {
    assertFinding(idToolsFinding(grants), 'works', undefined, /65536 from 100000 on.*newuidmap and .*newgidmap/);
    const lacking = { ...grants, tools: [...uidmapOnly, { name: 'newgidmap' }] };
    assertFinding(idToolsFinding(lacking), 'missing', 'ENOENT', /newgidmap in PATH/, /Install/, /install uidmap/);
    assertFinding(idToolsFinding({ ...grants, tools: powerless }), 'missing', 'EPERM', /setuid/, /back/, /chmod u\+s/);
    assertFinding(idToolsFinding({ ...grants, tools: powerless, administrator: true }), 'works', undefined, /grants/);
    const ungranted = { ...grants, ranges: [{ file: '/etc/subuid', range }, { file: '/etc/subgid' }] };
    assertFinding(
      idToolsFinding(ungranted),
      'missing',
      undefined,
      /^\/etc\/subgid grants you no/,
      /granted/,
      /add-subuids/,
    );
  });

  const ids = { uid: 1000, gid: 1000 };
  const whole = decideIdentity(ids, { uids: range, gids: range, mapTools: true });
  const failure: Failure = { step: 'zygote', syscall: 'newuidmap', errno: 'EPERM', path: '' };

  it('the range that is mapped', () => {
    assertFinding(
      idRangeFinding(whole, undefined, '0 1000 1, 1 100000 65536', grants),
      'works',
      undefined,
      /"0 1000 1, 1 100000 65536"/,
    );
    const single = decideIdentity(ids, { mapTools: false });
    const lacking = { ...grants, tools: [] as GrantFacts['tools'] };
    assertFinding(idRangeFinding(single, undefined, undefined, lacking), 'partial', undefined, /not installed/, /.+/);
    const powers = { ...grants, tools: powerless };
    assertFinding(idRangeFinding(whole, failure, undefined, powers), 'missing', 'EPERM', /setuid/, /back/, /chmod/);
    assertFinding(idRangeFinding(whole, failure, undefined, grants), 'missing', 'EPERM', /A range is granted/, /First/);
  });
});

describe('the data folder', () => {
  const roomy = { freeBytes: 50 * 1024 ** 3, freeFiles: 1_000_000 };

  it('works where there is room', () => {
    assertFinding(
      dataFolderFinding('/var/data', roomy, facts),
      'works',
      undefined,
      /ext4 \(\/\).*50\.0 GiB and 1000000 inodes/,
    );
    assertFinding(
      dataFolderFinding('/var/data', { freeBytes: roomy.freeBytes }, facts),
      'works',
      undefined,
      /GiB are free/,
    );
  });

  it('is partial when space or inodes run short', () => {
    assertFinding(
      dataFolderFinding('/var/data', { ...roomy, freeBytes: 5e8 }, facts),
      'partial',
      undefined,
      /may not fit/,
      /Remove/,
      /df -h/,
    );
    assertFinding(
      dataFolderFinding('/var/data', { ...roomy, freeFiles: 12 }, facts),
      'partial',
      undefined,
      /12 inodes/,
      /Remove/,
      /df -i/,
    );
  });

  it('is partial where no upper layer can be', () => {
    assertFinding(
      dataFolderFinding('/home/me', roomy, facts),
      'partial',
      undefined,
      /nfs4 cannot hold/,
      /ext4/,
      /XDG_DATA_HOME/,
    );
    assertFinding(
      dataFolderFinding('/mnt/over/x', roomy, facts),
      'partial',
      undefined,
      /overlay cannot hold/,
      /ext4/,
      /XDG_DATA_HOME/,
    );
  });

  for (const [errno, cause] of [
    ['ENOSPC', /No space/],
    ['EDQUOT', /quota/],
    ['EROFS', /read-only/],
    ['EACCES', /no permission/],
  ] as const) {
    it(`is missing with ${errno}`, () => {
      const finding = dataFolderFinding('/var/data', { ...roomy, errno }, facts);
      assert.deepEqual([finding.verdict, finding.errno], ['missing', errno]);
      assert.match(finding.tried, cause);
      assert.ok(finding.fix);
    });
  }
});

describe('settings', () => {
  it('that forbid nothing are told, with the modules of security', () => {
    const finding = switchesFinding({ ...facts, selinuxEnforcing: true, apparmorProfile: 'unconfined' });
    assertFinding(
      finding,
      'works',
      undefined,
      /max_user_namespaces is 15000; SELinux is enforcing; our AppArmor profile is unconfined/,
    );
  });

  for (const [name, changed, setting] of [
    ['AppArmor', { apparmorRestriction: 1 }, /apparmor_restrict_unprivileged_userns = 0/],
    ['Debian', { unprivilegedUserNamespaces: 0 }, /unprivileged_userns_clone = 1/],
    ['a limit', { namespaceLimits: { net: 0 } }, /user\.max_net_namespaces = 15000/],
  ] as const) {
    it(`of ${name} that forbid them have a command`, () => {
      assertFinding(
        switchesFinding({ ...facts, ...changed }),
        'missing',
        undefined,
        /Read the settings/,
        /Turn it off/,
        setting,
      );
    });
  }
});

describe('systemd', () => {
  const unit = (output: string, status: number | undefined = 0) => ({ status, timedOut: false, output });
  const surroundings = { machine: true, manager: true, groups: 'v2' } as const;

  it('that hands on everything works; what it keeps back is named', () => {
    assertFinding(
      systemdFinding({ ...surroundings, unit: unit('cpuset cpu io memory pids') }),
      'works',
      undefined,
      /given cpuset, cpu/,
    );
    const finding = systemdFinding({ ...surroundings, unit: unit('memory pids') });
    assertFinding(
      finding,
      'partial',
      undefined,
      /memory, pids, but not cpu, cpuset, io/,
      /hand them on/,
      /delegate\.conf/,
    );
    assertFinding(
      systemdFinding({ ...surroundings, unit: unit('') }),
      'partial',
      undefined,
      /no controllers/,
      /hand/,
      /delegate/,
    );
  });

  it('that does not answer is missing', () => {
    const failed = unit('Failed to connect to bus: No such file or directory', 1);
    assertFinding(
      systemdFinding({ ...surroundings, unit: failed }),
      'missing',
      'ENOENT',
      /Failed to connect/,
      /status|log in/,
      /systemctl/,
    );
    const slow = { status: undefined, timedOut: true, output: '' };
    assertFinding(
      systemdFinding({ ...surroundings, unit: slow }),
      'missing',
      'ETIMEDOUT',
      /did not answer/,
      /.+/,
      /journalctl/,
    );
  });

  it('that is not there matters where it manages the machine, or nothing else gives groups', () => {
    assertFinding(
      systemdFinding({ ...surroundings, manager: false }),
      'missing',
      'ENOENT',
      /no socket/,
      /Log in/,
      /enable-linger/,
    );
    const without = { machine: false, manager: false };
    assertFinding(
      systemdFinding({ ...without, groups: 'v1' }),
      'partial',
      undefined,
      /not managed by systemd/,
      /Nothing/,
    );
    assertFinding(
      systemdFinding({ ...without, groups: 'none' }),
      'missing',
      undefined,
      /not managed by systemd/,
      /delegated/,
    );
  });

  it('ends with the last session unless it lingers', () => {
    assertFinding(lingerFinding({ manager: true, lingers: true }), 'works', undefined, /stays/);
    assertFinding(
      lingerFinding({ manager: true, lingers: false }),
      'partial',
      undefined,
      /ends with your last/,
      /stay/,
      /enable-linger/,
    );
    assertFinding(
      lingerFinding({ manager: false, lingers: false }),
      'works',
      undefined,
      /not in a group of your systemd/,
    );
  });
});

describe('what programs say', () => {
  it('becomes an errno where it names one', () => {
    assert.equal(errnoIn('open("/dev/net/tun"): Permission denied'), 'EACCES');
    assert.equal(errnoIn('something else'), undefined);
    assert.equal(lastLine('one\ntwo \n'), 'two');
    assert.equal(lastLine(''), '');
  });

  it('leads to /dev/net/tun when that is what they lack', () => {
    const finding = helperFinding('/usr/bin/pasta', 'Failed to open() /dev/net/tun: Permission denied');
    assertFinding(finding, 'missing', 'EACCES', /\/usr\/bin\/pasta/, /\/dev\/net\/tun/, /chmod 666/);
    assertFinding(helperFinding('/usr/bin/pasta', ''), 'missing', undefined, /without a word/, /share the network/);
    assertFinding(
      helperFinding('/x', 'No external interface'),
      'missing',
      undefined,
      /No external/,
      /share the network/,
    );
  });
});

import { explainFailure, type Facts } from './explain.js';
import { mountOf } from './facts.js';
import { type Finding, works } from './finding.js';
import { unfitForUpper } from './mountRules.js';
import { blockingSwitches } from './namespaceRules.js';

/** The oldest kernel with all that is used everywhere: mount_setattr(2) came with 5.12. */
const oldestKernel = [5, 12] as const;

/** Pure. `version` as uname(2) gives it. */
export function kernelFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.split(/[.-]/).map(Number);
  const fits = major > oldestKernel[0] || (major === oldestKernel[0] && minor >= oldestKernel[1]);
  const tried = `uname(2) says ${version}; ${oldestKernel.join('.')} or later is needed.`;
  return fits
    ? works(tried)
    : { verdict: 'missing', tried, fix: `Boot a kernel of ${oldestKernel.join('.')} or later.`, command: 'uname -r' };
}

/** Settings that take user namespaces away, and the security modules around us. Pure. */
export function switchesFinding(facts: Facts): Finding {
  const blocking = blockingSwitches(facts);
  const known = [
    facts.apparmorRestriction === undefined
      ? 'no AppArmor restriction in this kernel'
      : `kernel.apparmor_restrict_unprivileged_userns is ${facts.apparmorRestriction}`,
    facts.unprivilegedUserNamespaces === undefined
      ? 'no kernel.unprivileged_userns_clone in this kernel'
      : `kernel.unprivileged_userns_clone is ${facts.unprivilegedUserNamespaces}`,
    `user.max_user_namespaces is ${facts.namespaceLimits.user ?? 'unknown'}`,
    ...(facts.selinuxEnforcing === undefined
      ? []
      : [`SELinux is ${facts.selinuxEnforcing ? 'enforcing' : 'permissive'}`]),
    ...(facts.apparmorProfile === undefined ? [] : [`our AppArmor profile is ${facts.apparmorProfile}`]),
  ];
  const [first] = blocking;
  if (first === undefined) return works(`Read the settings: ${known.join('; ')}.`);
  return {
    verdict: 'missing',
    tried: `Read the settings: ${blocking.map(({ setting }) => setting).join('; ')}.`,
    fix: 'Turn it off, unless your administrator had a reason.',
    command: first.command,
  };
}

/** What the data folder's disk said. */
export interface Disk {
  /** For ordinary users. */
  freeBytes: number;
  /** Inodes; missing where the file system makes them as needed. */
  freeFiles?: number;
  /** Of the write. */
  errno?: string;
}

const scarceBytes = 1024 ** 3;
const scarceFiles = 10_000;

/** Pure. */
export function dataFolderFinding(folder: string, disk: Disk, facts: Facts): Finding {
  const mount = mountOf(facts, folder);
  const place = `${folder}, which is on ${mount?.type ?? 'an unknown file system'} (${mount?.destination ?? '/'})`;
  if (disk.errno !== undefined) {
    const failure = { step: '', syscall: 'write', errno: disk.errno, path: folder };
    const { cause, fix, command } = explainFailure(failure, facts);
    return {
      verdict: 'missing',
      tried: `Wrote to ${place}: ${disk.errno}. ${cause}`,
      errno: disk.errno,
      fix,
      ...(command === undefined ? {} : { command }),
    };
  }
  const gibibytes = (disk.freeBytes / 1024 ** 3).toFixed(1);
  const tried = `Wrote to ${place}; ${gibibytes} GiB${disk.freeFiles === undefined ? '' : ` and ${disk.freeFiles} inodes`} are free.`;
  if (disk.freeBytes < scarceBytes || (disk.freeFiles ?? scarceFiles) < scarceFiles) {
    return {
      verdict: 'partial',
      tried: `${tried} An image of a distribution may not fit.`,
      fix: 'Remove containers and images you no longer need, or put the data folder on another disk (XDG_DATA_HOME).',
      command: `df -h '${folder}'; df -i '${folder}'`,
    };
  }
  if (mount !== undefined && (unfitForUpper.has(mount.type) || mount.type.startsWith('fuse'))) {
    return {
      verdict: 'partial',
      tried: `${tried} ${mount.type} cannot hold the upper layer of an overlay: see that line.`,
      fix: 'Put the data folder on ext4, xfs, btrfs or tmpfs.',
      command: 'export XDG_DATA_HOME=/path/on/ext4',
    };
  }
  return works(tried);
}

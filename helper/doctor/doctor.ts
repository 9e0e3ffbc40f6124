import { release } from 'node:os';
import type { CgroupAccess } from '../cgroup/access.js';
import { delegateCommand } from '../cgroup/remedy.js';
import type { DoctorLine, DoctorReport } from '../protocol/index.js';
import type { Identity } from '../zygote/identity.js';
import { ZygoteError } from '../zygote/launch.js';
import type { Attempt, Bench, PlanExecutor } from './attempt.js';
import { type ControllerTrial, tryControllers } from './cgroupTrials.js';
import { type Explanation, explainFailure, type Facts, gatherFacts } from './explain.js';
import { features } from './features.js';
import { blockingSwitches } from './namespaceRules.js';
import {
  findProgram,
  isPrivileged,
  tryMountApi,
  tryNetwork,
  tryOverlay,
  tryPidfd,
  tryProc,
  trySeccomp,
  tryTun,
  tryUserNamespace,
} from './trials.js';

/** What the doctor examines; the part of the helper's `Machine` that it needs. */
export interface Patient {
  zygote: PlanExecutor;
  identity: Identity;
  locations: { data: string; runtime: string };
  cgroups(): Promise<CgroupAccess>;
}

/**
 * Tries what containers need, one thing after another, with the calls and the privileges that containers are made with. Leaves
 * nothing behind. Throws only for defects: what this machine lacks is the answer.
 */
export async function runDoctor(patient: Patient): Promise<DoctorReport> {
  const facts = await gatherFacts(patient.identity);
  const { zygote, identity, locations } = patient;
  const bench: Bench = { zygote, identity, data: locations.data, runtime: locations.runtime };
  const userNamespace = await tryUserNamespace(bench);
  // Everything else is made inside a user namespace: without one there is nothing to try.
  const trial = async (run: (bench: Bench) => Promise<Attempt>): Promise<Attempt | 'untried'> =>
    userNamespace === undefined ? run(bench) : 'untried';
  return {
    lines: [
      kernelLine(release()),
      attemptLine(
        'user-namespace',
        'User namespaces',
        'a process in user, mount, pid, uts and ipc namespaces of its own, with ids mapped',
        features.userNamespace,
        userNamespace,
        facts,
      ),
      await idRangeLine(patient.identity, userNamespace),
      attemptLine(
        'overlay',
        'Overlay file system',
        `an overlay with userxattr and its upper layer in ${patient.locations.data}`,
        features.overlay,
        await trial(tryOverlay),
        facts,
      ),
      attemptLine(
        'proc',
        'A new /proc',
        'a proc for a pid namespace of its own',
        features.proc,
        await trial(tryProc),
        facts,
      ),
      attemptLine(
        'network',
        'Network namespaces',
        'a network namespace, and its loopback brought up',
        features.network,
        await trial(tryNetwork),
        facts,
      ),
      attemptLine(
        'seccomp',
        'Seccomp filters',
        'a seccomp filter that allows everything',
        features.seccomp,
        await trial(trySeccomp),
        facts,
      ),
      ...(await cgroupLines(patient)),
      switchesLine(facts),
      pidfdLine(tryPidfd(), facts),
      attemptLine(
        'mount-api',
        'New mount calls',
        'a read-only bind of /dev/null with open_tree, mount_setattr and move_mount',
        features.mountApi,
        await trial(tryMountApi),
        facts,
      ),
      await tunLine(),
    ],
  };
}

/** The oldest kernel with all that is used everywhere: mount_setattr(2) came with 5.12. */
const oldestKernel = [5, 12] as const;

/** Pure. `version` as uname(2) gives it. */
export function kernelLine(version: string): DoctorLine {
  const [major = 0, minor = 0] = version.split(/[.-]/).map(Number);
  const works = major > oldestKernel[0] || (major === oldestKernel[0] && minor >= oldestKernel[1]);
  return {
    id: 'kernel',
    title: 'Linux kernel',
    verdict: works ? 'works' : 'missing',
    tried: `uname(2) says ${version}; ${oldestKernel.join('.')} or later is needed`,
    features: [...features.kernel],
    ...(works ? {} : { fix: `Boot a kernel of ${oldestKernel.join('.')} or later.`, command: 'uname -r' }),
  };
}

function attemptLine(
  id: string,
  title: string,
  what: string,
  needed: readonly string[],
  result: Attempt | 'untried',
  facts: Facts,
): DoctorLine {
  const line = { id, title, features: [...needed] };
  if (result === undefined) return { ...line, verdict: 'works', tried: `Made ${what}.` };
  if (result === 'untried') {
    return {
      ...line,
      verdict: 'missing',
      tried: 'Not tried, for it is made inside a user namespace, and there is none.',
      fix: 'First make user namespaces work.',
    };
  }
  const { cause, fix, command }: Explanation = explainFailure(result, facts);
  return {
    ...line,
    verdict: 'missing',
    tried: `Tried ${what}: ${result.syscall || result.step} answered ${result.errno}. ${cause}`,
    errno: result.errno,
    fix,
    ...(command === undefined ? {} : { command }),
  };
}

async function idRangeLine(identity: Identity, userNamespace: Attempt): Promise<DoctorLine> {
  const line = { id: 'id-range', title: 'A range of user and group ids', features: [...features.idRange] };
  if (identity.mapping === 'single') {
    return {
      ...line,
      verdict: 'partial',
      tried: identity.explanation,
      fix: 'Install uidmap and have a range granted.',
      command:
        'sudo apt-get install uidmap && sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"',
    };
  }
  if (userNamespace === undefined) {
    return { ...line, verdict: 'works', tried: `newuidmap and newgidmap mapped it. ${identity.explanation}` };
  }
  const tools = ['newuidmap', 'newgidmap'].map((name) => findProgram(name));
  const powerless: string[] = [];
  for (const tool of tools) if (tool !== undefined && !(await isPrivileged(tool))) powerless.push(tool);
  return {
    ...line,
    verdict: 'missing',
    tried:
      powerless.length > 0
        ? `${powerless.join(' and ')} is neither setuid root nor has file capabilities.`
        : `/etc/subuid grants a range, but the user namespace could not be made (${userNamespace.errno}).`,
    errno: userNamespace.errno,
    fix: powerless.length > 0 ? 'Give them their privileges back.' : 'First make user namespaces work.',
    ...(powerless.length > 0 ? { command: `sudo chmod u+s ${powerless.join(' ')}` } : {}),
  };
}

async function cgroupLines({ cgroups }: Patient): Promise<DoctorLine[]> {
  let access: CgroupAccess;
  try {
    access = await cgroups();
  } catch (error) {
    // Found from the zygote, which is not there when user namespaces are not.
    if (!(error instanceof ZygoteError)) throw error;
    access = { mode: 'none', reason: 'There is no zygote to look from.', remedy: 'First make user namespaces work.' };
  }
  const line = { id: 'cgroup', title: 'Control groups', features: [...features.cgroup] };
  if (access.mode === 'none') {
    return [{ ...line, verdict: 'missing', tried: access.reason, ...adviceOf(access.remedy) }];
  }
  const trials = await tryControllers(access);
  const failed = trials.some(({ errno }) => errno !== undefined);
  const place =
    access.mode === 'v2'
      ? `cgroup v2 below ${access.parent}`
      : `cgroup v1 below ${[...new Set(Object.values(access.parents))].join(', ')}`;
  return [
    {
      ...line,
      verdict: failed ? 'partial' : 'works',
      tried: `Made and removed groups of ${place}.${access.notice === undefined ? '' : ` ${access.notice.reason}`}`,
      ...(access.notice === undefined ? {} : adviceOf(access.notice.remedy)),
    },
    ...trials.map((trial) => controllerLine(trial, access)),
  ];
}

function controllerLine({ controller, file, errno }: ControllerTrial, access: CgroupAccess): DoctorLine {
  const line = { id: `cgroup-${controller}`, title: `Controller ${controller}`, features: [...features[controller]] };
  if (errno === undefined)
    return { ...line, verdict: 'works', tried: `Wrote ${file} in a scratch group and read it back.` };
  const notice = access.mode === 'none' ? access : access.notice;
  return {
    ...line,
    verdict: 'missing',
    tried: `Tried to write ${file} in a scratch group: ${errno}.`,
    errno,
    ...adviceOf(notice?.remedy ?? `Run ${delegateCommand} and log in again.`),
  };
}

/** A remedy of the form "Run COMMAND and log in again." has a command to copy. */
function adviceOf(remedy: string): Pick<DoctorLine, 'fix' | 'command'> {
  const command = /^Run (.*?)( and log in again\.)?$/s.exec(remedy);
  if (command?.[1] === undefined) return { fix: remedy };
  const again = command[2] === undefined ? '' : ', then log in again';
  return { fix: `Have cgroups delegated to you${again}.`, command: command[1] };
}

/** Pure. */
export function switchesLine(facts: Facts): DoctorLine {
  const blocking = blockingSwitches(facts);
  const line = { id: 'switches', title: 'Switches against user namespaces', features: [...features.switches] };
  const known = [
    facts.apparmorRestriction === undefined
      ? 'no AppArmor restriction in this kernel'
      : `kernel.apparmor_restrict_unprivileged_userns is ${facts.apparmorRestriction}`,
    facts.unprivilegedUserNamespaces === undefined
      ? 'no kernel.unprivileged_userns_clone in this kernel'
      : `kernel.unprivileged_userns_clone is ${facts.unprivilegedUserNamespaces}`,
    `user.max_user_namespaces is ${facts.namespaceLimits.user ?? 'unknown'}`,
  ];
  const [first] = blocking;
  if (first === undefined) return { ...line, verdict: 'works', tried: `${known.join('; ')}.` };
  return {
    ...line,
    verdict: 'missing',
    tried: `${blocking.map(({ setting }) => setting).join('; ')}.`,
    fix: 'Turn it off, unless your administrator had a reason.',
    command: first.command,
  };
}

function pidfdLine(errno: string | undefined, facts: Facts): DoctorLine {
  const line = { id: 'pidfd', title: 'Process descriptors', features: [...features.pidfd] };
  if (errno === undefined) return { ...line, verdict: 'works', tried: 'pidfd_open(2) on the helper itself.' };
  const { cause, fix, command } = explainFailure({ step: '', syscall: 'pidfd_open', errno, path: '' }, facts);
  return {
    ...line,
    verdict: 'missing',
    tried: `pidfd_open(2) answered ${errno}. ${cause}`,
    errno,
    fix,
    ...(command === undefined ? {} : { command }),
  };
}

async function tunLine(): Promise<DoctorLine> {
  const errno = await tryTun();
  const tools = ['pasta', 'slirp4netns'].filter((name) => findProgram(name) !== undefined);
  const line = { id: 'tun', title: 'Network to the outside', features: [...features.tun] };
  const tried = [
    errno === undefined ? 'Opened /dev/net/tun' : `Opening /dev/net/tun gave ${errno}`,
    tools.length === 0 ? 'neither pasta nor slirp4netns is installed' : `${tools.join(' and ')} found in PATH`,
  ];
  const works = errno === undefined && tools.length > 0;
  return {
    ...line,
    verdict: works ? 'works' : errno === undefined || tools.length > 0 ? 'partial' : 'missing',
    tried: `${tried.join('; ')}.`,
    ...(errno === undefined ? {} : { errno }),
    ...(works
      ? {}
      : {
          fix: errno === undefined ? 'Install pasta.' : 'Let users open /dev/net/tun, as most distributions do.',
          command:
            errno === undefined ? 'sudo apt-get install passt' : 'sudo modprobe tun && sudo chmod 666 /dev/net/tun',
        }),
  };
}

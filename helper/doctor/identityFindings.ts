import type { Identity, SubordinateRange } from '../zygote/identity.js';
import type { Failure } from './explanation.js';
import { type Finding, works } from './finding.js';

/** What grants ranges of ids and what maps them. */
export interface GrantFacts {
  /** Root maps ranges by itself. */
  administrator: boolean;
  ranges: readonly { file: string; range?: SubordinateRange | undefined }[];
  /** `path`: where PATH has it. */
  tools: readonly { name: string; path?: string; privileged?: boolean }[];
}

const grantCommand = 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"';
const installCommand =
  'sudo apt-get install uidmap   # or: dnf install shadow-utils, pacman -S shadow, apk add shadow-uidmap';

/** The files and programs. Pure. */
export function idToolsFinding({ administrator, ranges, tools }: GrantFacts): Finding {
  const lacking = tools.filter(({ path }) => path === undefined).map(({ name }) => name);
  const powerless = tools.flatMap(({ path, privileged }) => (path !== undefined && privileged === false ? [path] : []));
  const ungranted = ranges.filter(({ range }) => range === undefined).map(({ file }) => file);
  if (lacking.length > 0) {
    return {
      verdict: 'missing',
      tried: `Looked for ${lacking.join(' and ')} in PATH: not installed.`,
      errno: 'ENOENT',
      fix: 'Install uidmap, and log in again when that grants you a range.',
      command: installCommand,
    };
  }
  if (powerless.length > 0 && !administrator) {
    return {
      verdict: 'missing',
      tried: `${powerless.join(' and ')} is neither setuid root nor has file capabilities.`,
      errno: 'EPERM',
      fix: 'Give them their privileges back.',
      command: `sudo chmod u+s ${powerless.join(' ')}`,
    };
  }
  if (ungranted.length > 0) {
    return {
      verdict: 'missing',
      tried: `${ungranted.join(' and ')} ${ungranted.length > 1 ? 'grant' : 'grants'} you no range.`,
      fix: 'Have a range granted.',
      command: grantCommand,
    };
  }
  const granted = ranges.map(({ file, range }) => `${file} grants ${range?.count} from ${range?.start} on`);
  return works(`${granted.join('; ')}. Found ${tools.map(({ path }) => path).join(' and ')}, with their privileges.`);
}

/** The range as it is mapped. Pure. @param map what the kernel says of the zygote's. */
export function idRangeFinding(
  identity: Identity,
  userNamespace: Failure | undefined,
  map: string | undefined,
  grants: GrantFacts,
): Finding {
  const advice = idToolsFinding(grants);
  const { fix = 'See the line on what grants and maps ids.', command } = advice;
  if (identity.mapping === 'single') {
    return { verdict: 'partial', tried: identity.explanation, fix, ...(command === undefined ? {} : { command }) };
  }
  if (userNamespace === undefined) {
    return works(`The zygote was made with it: its uid_map is "${map ?? 'unknown'}". ${identity.explanation}`);
  }
  return advice.verdict === 'works'
    ? {
        verdict: 'missing',
        tried: `A range is granted, but the user namespace could not be made (${userNamespace.errno}).`,
        errno: userNamespace.errno,
        fix: 'First make user namespaces work.',
      }
    : {
        verdict: 'missing',
        tried: `The zygote could not be made with it (${userNamespace.errno}). ${advice.tried}`,
        errno: userNamespace.errno,
        fix,
        ...(command === undefined ? {} : { command }),
      };
}

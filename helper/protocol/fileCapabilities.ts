/**
 * Capabilities of a program file in the words of getcap(8) and setcap(8): `cap_net_bind_service=ep`. Source:
 * cap_text_formats(7). Pure, and here so that an interface can say what is wrong while one types.
 */
import { capabilities, capabilityNamesOf, findCapability } from './capabilities.js';
import type { FileEntry } from './files.js';

/** What `security.capability` of a file holds: capabilities(7), "File capabilities". */
export interface FileCapabilities {
  permitted: bigint;
  inheritable: bigint;
  /** One bit for all: the permitted ones are effective as soon as the program runs. */
  effective: boolean;
}

/** What a kernel has at least: all of these, and it is written without names. */
const all = (1n << BigInt(capabilities.length)) - 1n;

/** As getcap(8) writes it; empty for none. */
export function fileCapabilitiesText({ permitted, inheritable, effective }: FileCapabilities): string {
  const e = effective ? 'e' : '';
  const groups: [bigint, string][] = [
    [permitted & inheritable, `${e}ip`],
    [permitted & ~inheritable, `${e}p`],
    [inheritable & ~permitted, `${e}i`],
  ];
  return groups
    .filter(([mask]) => mask !== 0n)
    .map(([mask, flags]) => `${(mask & all) === all ? '' : capabilityNamesOf(mask).join(',').toLowerCase()}=${flags}`)
    .join(' ');
}

export type ParsedFileCapabilities = FileCapabilities | { problem: string };

/** What decides whether a file's capabilities count in a container: of its first process, as in its configuration. */
export interface FileCapabilityFacts {
  noNewPrivileges: boolean;
  /** The bounding set. */
  bounding: readonly string[];
}

/**
 * Why capabilities of a file give a program less than they say; empty: nothing stands against them. Source:
 * capabilities(7), "Transformation of capabilities during execve()" and "Safety checking"; mount(2), MS_NOSUID.
 */
export function whyIneffective(
  { capabilities, capabilitiesRoot, nosuid }: Pick<FileEntry, 'capabilities' | 'capabilitiesRoot' | 'nosuid'>,
  { noNewPrivileges, bounding }: FileCapabilityFacts,
): string[] {
  const parsed = parseFileCapabilities(capabilities ?? '');
  if ('problem' in parsed) return [];
  const missing = capabilityNamesOf(parsed.permitted).filter((name) => !bounding.includes(name));
  return [
    ...(noNewPrivileges ? ['no_new_privs is on: they give nothing. "noNewPrivileges": false lets them count.'] : []),
    ...(nosuid === true ? ['It is on a mount with nosuid: they give nothing there.'] : []),
    ...(capabilitiesRoot === undefined
      ? []
      : [`They count only in user namespaces whose root is user ${capabilitiesRoot}: they give nothing here.`]),
    ...(missing.length === 0
      ? []
      : [
          parsed.effective
            ? `The container’s bounding set is without ${missing.join(', ')}: the program is refused (EPERM).`
            : `The container’s bounding set is without ${missing.join(', ')}: they are not given.`,
        ]),
  ];
}

type Flag = 'e' | 'i' | 'p';
type Sets = Record<Flag, bigint>;

/**
 * Reads clauses such as `cap_net_raw,cap_chown=ep cap_kill+i`: names (none or `all` stand for all of them), then one or more of
 * `=`, `+` and `-`, each with letters of the sets e, i and p. `=` sets them anew, also to nothing.
 */
export function parseFileCapabilities(text: string): ParsedFileCapabilities {
  const clauses = text.split(/\s+/).filter((clause) => clause !== '');
  if (clauses.length === 0) return { problem: 'Names and sets, such as cap_net_bind_service=ep.' };
  let sets: Sets = { e: 0n, i: 0n, p: 0n };
  for (const clause of clauses) {
    const [, list = '', actions = ''] = /^([^=+-]*)((?:[=+-][eip]*)+)$/i.exec(clause) ?? [];
    if (actions === '') return { problem: `"${clause}" has no sets: write ${clause}=ep.` };
    const mask = maskOf(list);
    if (typeof mask === 'string') return { problem: mask };
    if (list === '' && !actions.startsWith('=')) {
      return { problem: `"${clause}" has no names: only "=" goes without, and stands for all.` };
    }
    for (const [, operator = '', flags = ''] of actions.matchAll(/([=+-])([eip]*)/gi)) {
      sets = applied(sets, mask, operator, flags.toLowerCase());
    }
  }
  // The file has one bit for the effective set: it is all that the program gets, or none of it.
  if (sets.e !== 0n && sets.e !== (sets.p | sets.i)) {
    return { problem: 'Of a file either all capabilities are effective, or none: give "e" to all or to none.' };
  }
  return { permitted: sets.p, inheritable: sets.i, effective: sets.e !== 0n };
}

/** Bits of the names, or what is wrong with one. */
function maskOf(list: string): bigint | string {
  if (list === '' || list.toLowerCase() === 'all') return all;
  let mask = 0n;
  for (const name of list.split(',')) {
    const found = findCapability(name);
    if (found === undefined) return `There is no capability "${name}".`;
    mask |= 1n << BigInt(found.number);
  }
  return mask;
}

function applied(sets: Sets, mask: bigint, operator: string, flags: string): Sets {
  const changed = (flag: Flag): bigint => {
    const before = operator === '=' ? sets[flag] & ~mask : sets[flag];
    if (!flags.includes(flag)) return before;
    return operator === '-' ? before & ~mask : before | mask;
  };
  return { e: changed('e'), i: changed('i'), p: changed('p') };
}

/** Which namespaces of a process are entered, and by which user namespace the kernel allows it. Pure. */
import type { EnteredNamespace, Way } from '../plan/enterPlan.js';
import { ErrorCode, type NamespaceInodes, type oci, terrariumError } from '../protocol/index.js';

/** What decides the way in. User namespaces are told by inode, each with those above it, itself first. */
export interface Situation {
  pid: number;
  /** Of the process. */
  namespaces: NamespaceInodes;
  /** Of who carries out the plan. */
  here: NamespaceInodes;
  /** The process's own user namespace. */
  users: readonly number[];
  /** The user namespaces that own the others, as far as we may see them. */
  owners: Partial<Record<oci.NamespaceType, readonly number[]>>;
  /** Who carries out the plan has CAP_SYS_ADMIN where it is. */
  privileged: boolean;
}

/** As people and /proc call them. */
const names: Partial<Record<oci.NamespaceType, string>> = { mount: 'mnt', network: 'net' };

/**
 * setns(2) asks for CAP_SYS_ADMIN over the user namespace that owns a namespace. Who has none where it is gets it by
 * entering the outermost user namespace that this user made around the process, from where all those below can be
 * entered. Who has it enters the process's user namespace last, for inside of that it would have no say over others.
 * @throws WrongState, Invalid, Unavailable
 */
export function wayInto(situation: Situation, chosen?: readonly oci.NamespaceType[]): Way {
  const { pid, namespaces, here, privileged } = situation;
  const wanted = wantedTypes(situation, chosen);
  const differs = namespaces.user !== here.user;
  const hasUser = wanted.includes('user');
  if (differs && !hasUser && (wanted.includes('mount') || !privileged)) {
    const types = [...wanted.map(nameOf), 'user'].join(',');
    throw terrariumError(ErrorCode.Invalid, `Process ${pid} cannot be entered without its user namespace`, {
      cause: privileged
        ? 'Programs of its root would run with the rights of those outside.'
        : 'Only in there you have the right to enter the others (setns(2)).',
      fix: 'Enter its user namespace, too.',
      command: `terrarium enter --ns ${types} ${pid}`,
    });
  }
  const chain = chainOf(situation);
  const top = privileged ? here.user : chain.at(-1);
  const others = wanted.flatMap((type): EnteredNamespace[] => {
    const inode = namespaces[type];
    return type === 'user' || inode === undefined ? [] : [{ type, inode, ancestor: 0 }];
  });
  refuseOthers(situation, wanted, others, top);
  const [own] = chain;
  const outermost = chain.at(-1);
  return {
    ...(privileged || outermost === undefined
      ? {}
      : { first: { type: 'user', inode: outermost, ancestor: chain.length - 1 } }),
    others,
    ...(hasUser && own !== undefined && (privileged || chain.length > 1)
      ? { last: { type: 'user', inode: own, ancestor: 0 } }
      : {}),
  };
}

/** Those that are entered: of what is chosen all but those we are in. */
function wantedTypes({ pid, namespaces, here }: Situation, chosen?: readonly oci.NamespaceType[]): oci.NamespaceType[] {
  const present = Object.keys(namespaces) as oci.NamespaceType[];
  const wanted = present.filter(
    (type) => namespaces[type] !== here[type] && (chosen === undefined || chosen.includes(type)),
  );
  if (wanted.length > 0) return wanted;
  throw terrariumError(
    ErrorCode.WrongState,
    chosen === undefined
      ? `Process ${pid} is in no namespace that you are not in already`
      : `Process ${pid} has the namespaces chosen in common with you`,
    { cause: 'There is nothing to enter.', fix: 'Choose another process: terrarium namespaces lists them.' },
  );
}

/** The process's user namespace and those above it, up to the one that we are in. Empty when that is the same. */
function chainOf({ pid, users, here }: Situation): number[] {
  const end = here.user === undefined ? -1 : users.indexOf(here.user);
  if (end >= 0) return users.slice(0, end);
  throw terrariumError(ErrorCode.Unavailable, `The user namespace of process ${pid} is not below yours`, {
    cause: 'The kernel lets a process into user namespaces that were made from its own, and into no others.',
    fix: 'Run Terrarium where that process was started from.',
  });
}

function refuseOthers(
  { pid, owners }: Situation,
  wanted: readonly oci.NamespaceType[],
  others: readonly EnteredNamespace[],
  top: number | undefined,
): void {
  const refused = others
    .map(({ type }) => type)
    .filter((type) => top === undefined || owners[type]?.includes(top) !== true);
  if (refused.length === 0) return;
  const rest = wanted.filter((type) => !refused.includes(type)).map(nameOf);
  const [which, belong] = refused.length === 1 ? ['namespace', 'It belongs'] : ['namespaces', 'They belong'];
  throw terrariumError(
    ErrorCode.Unavailable,
    `The ${refused.map(nameOf).join(', ')} ${which} of process ${pid} cannot be entered`,
    {
      cause: `${belong} to a user namespace in which you have no CAP_SYS_ADMIN, such as the machine's own.`,
      ...(rest.length === 0
        ? { fix: 'Only root of the machine can enter there.' }
        : { fix: 'Enter the others only.', command: `terrarium enter --ns ${rest.join(',')} ${pid}` }),
    },
  );
}

function nameOf(type: oci.NamespaceType): string {
  return names[type] ?? type;
}

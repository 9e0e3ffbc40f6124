import type { Plan, StepOf } from '../plan/step.js';
import { quote } from './scriptWords.js';

/**
 * A veth pair can be made only by who has a say over both network namespaces, so the script does as Terrarium does: a
 * user namespace with a bridge in its network, below which the container's own is made, with a cable between the two.
 */
export interface ScriptedNetwork {
  /** The script's second part: makes the network and, while `unshare` waits in it, the container's ids and cable. */
  lines(unshare: string): string[];
}

/** The network that a plan connects its container to; undefined for a plan that connects none. Pure. */
export function scriptedNetwork(plan: Plan): ScriptedNetwork | undefined {
  const veth = plan.find((step): step is StepOf<'makeVeth'> => step.kind === 'makeVeth');
  const ids = plan.find((step): step is StepOf<'mapIds'> => step.kind === 'mapIds');
  if (veth === undefined || ids === undefined) return undefined;
  const [port, bridge, peer] = [veth.name, veth.bridge, veth.peer].map(quote);
  return {
    lines: (unshare) => [
      '# The network: a bridge in a namespace of its own.',
      `ip link set lo up; ip link add ${bridge} type bridge; ip link set ${bridge} up`,
      'rm -f "$dir/connected"; mkfifo "$dir/connected"',
      '(',
      '  trap \'kill -KILL "$$"\' EXIT',
      '  until [ "$(readlink "/proc/$$/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.02; done',
      '  # Which ids inside are which of this user namespace: in one write, which the printf of bash does not do.',
      `  env printf %s ${quote(ids.uidMap)} > "/proc/$$/uid_map"`,
      ...(ids.setgroups === 'deny' ? ['  printf deny > "/proc/$$/setgroups"'] : []),
      `  env printf %s ${quote(ids.gidMap)} > "/proc/$$/gid_map"`,
      '  # A cable, one end in the container and the other at the bridge.',
      `  ip link add ${port} type veth peer name ${peer} netns "$$"; ip link set ${port} master ${bridge} up`,
      '  echo > "$dir/connected"',
      '  # The network is there as long as a process is in it.',
      '  exec tail --pid="$$" -f /dev/null > /dev/null 2>&1',
      ') < /dev/null &',
      '# The capabilities in it come with the ids, at the next execve.',
      `${unshare} -- bash -c 'read -r _ < "$2/connected"; exec bash "$0" "$@"' "$0" inside "$dir"`,
    ],
  };
}

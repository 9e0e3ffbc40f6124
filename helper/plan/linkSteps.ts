/** The steps that make a container's link to its network slow, lossy or cut, and good again. Pure. */
import type { LinkShape, ProcessIdentity } from '../protocol/index.js';
import { CLONE_NEWNET } from './constants.js';
import { interfaceName } from './networkSteps.js';
import type { Plan, Step } from './step.js';

/** Both ends of a container's veth pair. */
export interface Link {
  /** In the network's namespace. */
  monitor: ProcessIdentity;
  /** What its end is called there. */
  port: string;
  /** In the container's. */
  init: ProcessIdentity;
}

/**
 * What leaves by an interface comes later or not at all; so each end is made so for its direction. The end that is cut is the
 * network's, out of the container's reach: the container sees that it has no carrier, and keeps its routes.
 */
export function shapePlan({ monitor, port, init }: Link, shape: LinkShape): Plan {
  return [
    enter(monitor),
    ...queueSteps(port, shape),
    { kind: 'setLink', interface: port, up: shape.down === true ? 0 : 1 },
    enter(init),
    ...queueSteps(interfaceName, shape),
  ];
}

function enter({ pid, startTime }: ProcessIdentity): Step {
  return { kind: 'setNamespaces', pid, startTime: BigInt(startTime), flags: CLONE_NEWNET };
}

/** A rate alone is tbf's work, which more kernels have; netem does all three. */
function queueSteps(of: string, { delayMs = 0, lossPercent = 0, rate = 0 }: LinkShape): Step[] {
  const bytes = Math.round(rate / 8);
  // At once what goes in 20 ms, and at least two frames: larger packets are cut into such by the kernel.
  const burst = Math.max(Math.round(bytes / 50), 2 * frameBytes);
  if (delayMs > 0 || lossPercent > 0) {
    return [
      {
        kind: 'addNetem',
        interface: of,
        latency: BigInt(Math.round(delayMs * 1e6)),
        loss: Math.min(Math.round((lossPercent / 100) * 2 ** 32), 2 ** 32 - 1),
        rate: BigInt(bytes),
        limit: waitingPackets,
      },
    ];
  }
  if (rate > 0) {
    // A queue of 200 ms, as a home router may have.
    const limit = Math.max(Math.round(bytes / 5), 10 * frameBytes);
    return [{ kind: 'addTokenBucket', interface: of, rate: BigInt(bytes), burst: capped(burst), limit: capped(limit) }];
  }
  return [{ kind: 'removeQdisc', interface: of, tolerate: 'missing' }];
}

/** The kernel counts these in 32 bits. */
const capped = (bytes: number) => Math.min(bytes, 2 ** 31);

/** Of Ethernet, with its head: linux/if_ether.h. */
const frameBytes = 1514;
/** Ten times tc-netem(8)'s default: a delayed link is not meant to lose what is in flight. */
const waitingPackets = 10_000;

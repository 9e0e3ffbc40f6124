import type { StepKind } from '../plan/step.js';
import type { Explanation } from './explanation.js';

/** Steps that make networks and links. */
export const network = {
  bringUp: {
    purpose: 'Bring the loopback interface up: a new network namespace has it, but down.',
    without: '127.0.0.1 would be unreachable',
    manual: ['network_namespaces(7)', 'netdevice(7)'],
  },
  setLink: {
    purpose: 'Bring an interface up, or down, which cuts its link.',
    without: 'nothing would pass, or go on passing',
    manual: ['rtnetlink(7)', 'ip-link(8)'],
  },
  makeBridge: {
    purpose: 'Make the bridge that connects the containers of this network, as a switch does.',
    without: 'they could not reach each other',
    manual: ['rtnetlink(7)', 'bridge(8)', 'veth(4)'],
  },
  makeVeth: {
    purpose: 'Make a pair of interfaces, a cable with one end in the container and the other at the network’s bridge.',
    without: 'the container would have nothing but its loopback',
    manual: ['veth(4)', 'rtnetlink(7)', 'network_namespaces(7)'],
  },
  addAddress: {
    purpose: 'Give the interface an address, and with it the way to all others in the same subnet.',
    without: 'nobody could reach it, nor it anybody',
    manual: ['rtnetlink(7)', 'ip-address(8)'],
  },
  addDefaultRoute: {
    purpose: 'Send what is for elsewhere to the network’s bridge, behind which its way out begins.',
    without: 'only containers of the same network could be reached',
    manual: ['rtnetlink(7)', 'ip-route(8)'],
  },
  masquerade: {
    purpose: 'Have what goes out carry the address of the way out, to which answers find their way.',
    without: 'nobody outside could answer',
    manual: ['nft(8)', 'netlink(7)'],
  },
  addNetem: {
    purpose: 'Have packets that leave by the interface come later, or get lost.',
    without: 'the link would be as good as memory is',
    manual: ['tc-netem(8)', 'rtnetlink(7)'],
  },
  addTokenBucket: {
    purpose: 'Let no more than so many bytes a second leave by the interface.',
    without: 'the link would be as fast as memory is',
    manual: ['tc-tbf(8)', 'rtnetlink(7)'],
  },
  removeQdisc: {
    purpose: 'Have packets leave by the interface at once again.',
    without: 'the link would stay slow',
    manual: ['tc(8)', 'rtnetlink(7)'],
  },
} as const satisfies Partial<Record<StepKind, Explanation>>;

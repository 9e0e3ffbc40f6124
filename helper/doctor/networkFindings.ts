import type { Finding } from './finding.js';
import { errnoIn } from './programText.js';

/** What to do where /dev/net/tun cannot be opened. */
export const letUsersOpenTun = {
  fix: 'Let users open /dev/net/tun, as most distributions do.',
  command: 'sudo modprobe tun && sudo chmod 666 /dev/net/tun',
};

/** What the complaint of a program means. Pure. */
export function helperFinding(program: string, complaint: string): Finding {
  const errno = errnoIn(complaint);
  const tried = `Tried to start ${program} on a network namespace: ${complaint || 'it ended without a word'}`;
  const tun = /\btun\b|tap device|\/dev\/net\/tun/i.test(complaint);
  return {
    verdict: 'missing',
    tried,
    ...(errno === undefined ? {} : { errno }),
    ...(tun
      ? letUsersOpenTun
      : { fix: 'See what it says. Without it containers can share the network of this machine.' }),
  };
}

import type { CgroupAccess } from '../cgroup/access.js';
import { delegateCommand } from '../cgroup/remedy.js';
import { type Finding, works } from './finding.js';
import type { ProgramResult } from './programs.js';
import { errnoIn, lastLine } from './programText.js';

/** What is known of the user's systemd. */
export interface SystemdFacts {
  /** systemd is the machine's init. */
  machine: boolean;
  /** This user has one of their own, as seen by its socket. */
  manager: boolean;
  /** Where control groups come from by now. */
  groups: CgroupAccess['mode'];
  /** A transient unit that printed the controllers it was given; missing when there is no manager to ask. */
  unit?: ProgramResult;
}

const wanted = ['cpu', 'cpuset', 'io', 'memory', 'pids'];

/** Pure. */
export function systemdFinding({ machine, manager, groups, unit }: SystemdFacts): Finding {
  if (unit === undefined || !manager) {
    return machine
      ? {
          verdict: 'missing',
          tried: 'systemd manages this machine, but there is no socket of one of yours in XDG_RUNTIME_DIR.',
          errno: 'ENOENT',
          fix: 'Log in through a session that systemd starts (not su or sudo), or have yours started at boot.',
          command: 'sudo loginctl enable-linger "$USER" && export XDG_RUNTIME_DIR=/run/user/$(id -u)',
        }
      : {
          verdict: groups === 'none' ? 'missing' : 'partial',
          tried: 'This machine is not managed by systemd, so control groups must come from its administrator.',
          fix:
            groups === 'none'
              ? 'Have control groups delegated to you: see the line on them.'
              : 'Nothing, for groups of yours were found: see the line on them.',
        };
  }
  if (unit.status !== 0) {
    const errno = unit.timedOut ? 'ETIMEDOUT' : errnoIn(unit.output);
    return {
      verdict: 'missing',
      tried: `Tried to start a transient unit with systemd-run --user: ${unit.timedOut ? 'it did not answer' : lastLine(unit.output)}`,
      ...(errno === undefined ? {} : { errno }),
      fix: 'See what your systemd says of itself, or log in again.',
      command: 'systemctl --user status --no-pager; journalctl --user -n 20 --no-pager',
    };
  }
  const given = unit.output.split(/\s+/).filter(Boolean);
  const lacking = wanted.filter((name) => !given.includes(name));
  return lacking.length === 0
    ? works(`Started a transient unit with Delegate=yes: it was given ${given.join(', ')}.`)
    : {
        verdict: 'partial',
        tried: `Started a transient unit with Delegate=yes: it was given ${given.join(', ') || 'no controllers'}, but not ${lacking.join(', ')}.`,
        fix: 'Have systemd hand them on to you, then log in again.',
        command: delegateCommand,
      };
}

/** Pure. */
export function lingerFinding({ manager, lingers }: { manager: boolean; lingers: boolean }): Finding {
  if (!manager) return works('Containers are not in a group of your systemd, which would end with your last session.');
  return lingers
    ? works('Your systemd stays when you log out (/var/lib/systemd/linger).')
    : {
        verdict: 'partial',
        tried:
          'Your systemd, and with it every container, ends with your last session: there is no file of yours in /var/lib/systemd/linger.',
        fix: 'Let it stay, if containers are to run on.',
        command: 'loginctl enable-linger',
      };
}

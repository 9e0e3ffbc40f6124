import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { hasUserManager } from '../zygote/launch.js';
import type { Trial } from './finding.js';
import { runProgram } from './programs.js';
import { lingerFinding, systemdFinding } from './sessionFindings.js';

/** In a unit of ours, as the zygote is started: the controllers that its group has. */
const tellControllers = `group=$(sed -n 's/^0:://p' /proc/self/cgroup) && cat "/sys/fs/cgroup$group/cgroup.controllers"`;

const unitCommand = [
  'systemd-run',
  '--user',
  '--quiet',
  '--collect',
  '--wait',
  '--pipe',
  '--description=Terrarium doctor',
  '--property=Delegate=yes',
  '--',
  'sh',
  '-c',
  // systemd expands dollar signs itself.
  tellControllers.replaceAll('$', '$$$$'),
];

const managesMachine = () => existsSync('/run/systemd/system');

/** Lines on the user's own systemd, and on what happens when they log out. */
export const sessionTrials: readonly Trial[] = [
  {
    id: 'systemd',
    inside: false,
    run: async ({ signal, cgroups }) => {
      const surroundings = { machine: managesMachine(), manager: hasUserManager(process.env), groups: cgroups.mode };
      if (!surroundings.manager) return systemdFinding(surroundings);
      try {
        return systemdFinding({ ...surroundings, unit: await runProgram(unitCommand, signal) });
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'EACCES') throw error;
        return systemdFinding({
          ...surroundings,
          unit: { status: 127, timedOut: false, output: `systemd-run: ${code}` },
        });
      }
    },
  },
  {
    id: 'linger',
    inside: false,
    run: async () => {
      const { username } = userInfo();
      const lingers = await access(`/var/lib/systemd/linger/${username}`).then(
        () => true,
        () => false,
      );
      return lingerFinding({ manager: hasUserManager(process.env), lingers });
    },
  },
];

import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';
import { CLONE_NEWNS, CLONE_NEWPID } from '../plan/constants.js';
import { overlayData } from '../plan/mountOptions.js';
import type { Step } from '../plan/step.js';
import { type Attempt, attempt, type Bench } from './attempt.js';
import { type Examination, type Finding, refused, type Trial, works } from './finding.js';
import { findProgram } from './programs.js';
import { errnoIn, lastLine } from './programText.js';
import { NotMade, runInside } from './scratchProcess.js';

const folders = ['lower', 'upper', 'work', 'merged'] as const;
const belowIn = 'below';

async function makeFolders(scratch: string): Promise<void> {
  for (const name of folders) await mkdir(path.join(scratch, name));
  await mkdir(path.join(scratch, 'lower', belowIn));
}

/** Mounts one and removes a folder of its lower layer, which takes a whiteout. `adapt` changes the options. */
function tryOverlay(bench: Bench, adapt: (data: string) => string): Promise<Attempt> {
  return attempt(bench, {
    flags: CLONE_NEWNS,
    steps: async (scratch): Promise<Step[]> => {
      await makeFolders(scratch);
      const [lower, upper, work, merged] = folders.map((name) => path.join(scratch, name)) as [
        string,
        string,
        string,
        string,
      ];
      const data = adapt(overlayData({ lower: [lower], writable: { upper, work }, volatile: true }));
      return [
        { kind: 'mount', type: 'overlay', source: 'overlay', destination: merged, attributes: 0, data },
        { kind: 'removeTree', path: path.join(merged, belowIn) },
      ];
    },
  });
}

async function overlayLine({ bench, facts }: Examination): Promise<Finding> {
  const [ours, plain, metacopy] = await Promise.all([
    tryOverlay(bench, (data) => data),
    tryOverlay(bench, (data) => data.replace(',userxattr', '')),
    tryOverlay(bench, (data) => `${data},metacopy=on`),
  ]);
  const what = `an overlay with userxattr and its upper layer in ${bench.folder}, and removed a folder of the layer below`;
  if (ours !== undefined) return refused(ours, what, facts);
  const say = (attempt: Attempt) =>
    attempt === undefined ? 'works too' : `${attempt.syscall || attempt.step} answers ${attempt.errno}`;
  return works(`Made ${what}. Without userxattr: ${say(plain)}; with metacopy: ${say(metacopy)}; neither is needed.`);
}

/** fuse-overlayfs, mounted as root of a user namespace; it ends with the pid namespace that it is the first process of. */
async function fuseOverlayfsLine({ bench, facts, signal }: Examination): Promise<Finding> {
  const program = findProgram('fuse-overlayfs');
  if (program === undefined) {
    return {
      verdict: 'missing',
      tried: 'Looked for fuse-overlayfs in PATH: not installed.',
      errno: 'ENOENT',
      fix: 'Install it, if containers of yours need it.',
      command: 'sudo apt-get install fuse-overlayfs',
    };
  }
  try {
    const { status, timedOut, output } = await runInside(
      bench,
      {
        flags: CLONE_NEWNS | CLONE_NEWPID,
        steps: async (scratch) => {
          await makeFolders(scratch);
          return [];
        },
      },
      (scratch) => {
        const at = (name: string) => path.join(scratch, name);
        const options = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
        return [program, '-o', options, at('merged')];
      },
      signal,
    );
    if (status === 0) return works(`Mounted an overlay with ${program}.`);
    const errno = timedOut ? 'ETIMEDOUT' : errnoIn(output);
    return {
      verdict: 'missing',
      tried: `Tried to mount an overlay with ${program}: ${timedOut ? 'it did not answer' : lastLine(output)}`,
      ...(errno === undefined ? {} : { errno }),
      ...(errno === 'EACCES' || errno === 'EPERM' || errno === 'ENOENT' || errno === 'ENODEV'
        ? {
            fix: 'Let users open /dev/fuse, as most distributions do.',
            command: 'sudo modprobe fuse && sudo chmod 666 /dev/fuse',
          }
        : { fix: 'The kernel’s own overlay is used by Terrarium; this one only matters inside of containers.' }),
    };
  } catch (error) {
    if (error instanceof NotMade) return refused(error.failure, `a process for ${program} in a user namespace`, facts);
    throw error;
  }
}

/** Lines on overlays, beside the one that is a plain plan. */
export const overlayTrials: readonly Trial[] = [
  { id: 'overlay', inside: true, run: overlayLine },
  { id: 'fuse-overlayfs', inside: true, run: fuseOverlayfsLine },
];

import { randomBytes } from 'node:crypto';
import { watch } from 'node:fs';
import { open, readFile, rm, statfs } from 'node:fs/promises';
import { release } from 'node:os';
import * as path from 'node:path';
import { findBootstrapTools } from '../bootstrap/tools.js';
import { type Finding, type Trial, works } from './finding.js';
import { type Disk, dataFolderFinding, kernelFinding, switchesFinding } from './machineFindings.js';
import { runProgram } from './programs.js';
import { lastLine } from './programText.js';

/** Something that is written and synced, to see that the disk takes it: quotas and read-only mounts answer only then. */
const writtenBytes = 256 * 1024;

/** Whether the data folder takes a file, and how much more. */
export async function tryDisk(data: string): Promise<Disk> {
  const file = path.join(data, `doctor-${randomBytes(4).toString('hex')}`);
  const { bavail, bsize, files, ffree } = await statfs(data);
  const disk = { freeBytes: bavail * bsize, ...(files > 0 ? { freeFiles: ffree } : {}) };
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.write(Buffer.alloc(writtenBytes));
    } finally {
      await handle.close();
    }
    return disk;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { ...disk, errno: code };
  } finally {
    await rm(file, { force: true });
  }
}

async function tryInotify(data: string): Promise<Finding> {
  const [instances, watches] = await Promise.all(
    ['max_user_instances', 'max_user_watches'].map(async (name) =>
      (await readFile(`/proc/sys/fs/inotify/${name}`, 'utf8').catch(() => 'unknown')).trim(),
    ),
  );
  const limits = `You may have ${instances} inotify instances and ${watches} watches.`;
  try {
    await new Promise<void>((resolve, reject) => {
      // An error of the system call comes as an event.
      const watcher = watch(data, { persistent: false });
      watcher.once('error', reject);
      setImmediate(() => {
        watcher.close();
        resolve();
      });
    });
    return works(`Watched ${data}. ${limits}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return {
      verdict: 'missing',
      tried: `Watching ${data} answered ${code}. ${limits}`,
      errno: code,
      fix: 'Raise what one user may watch.',
      command:
        "printf 'fs.inotify.max_user_instances = 1024\\nfs.inotify.max_user_watches = 1048576\\n' | sudo tee -a /etc/sysctl.d/60-terrarium.conf && sudo sysctl --system",
    };
  }
}

async function tryBootstrap(signal: AbortSignal): Promise<Finding> {
  const tools = findBootstrapTools();
  const found = tools.find(({ path: program }) => program !== undefined);
  if (found?.path === undefined) {
    const command = tools.find((tool) => tool.command !== undefined)?.command;
    return {
      verdict: 'missing',
      tried: `Looked for ${tools.map(({ tool }) => tool).join(' and ')} in PATH: not installed.`,
      errno: 'ENOENT',
      fix: 'Install one, or get images in another way: pull, import, or build from programs.',
      ...(command === undefined ? {} : { command }),
    };
  }
  const { status, output } = await runProgram([found.path, '--version'], signal);
  return status === 0
    ? works(`${found.path} says ${lastLine(output)}.`)
    : {
        verdict: 'missing',
        tried: `Ran ${found.path} --version: it ended with ${status ?? 'a signal'}. ${lastLine(output)}`,
        fix: `Install ${found.tool} anew.`,
      };
}

/** Lines about the machine as such. */
export const machineTrials: readonly Trial[] = [
  { id: 'bootstrap', inside: false, run: ({ signal }) => tryBootstrap(signal) },
  { id: 'kernel', inside: false, run: () => kernelFinding(release()) },
  { id: 'switches', inside: false, run: ({ facts }) => switchesFinding(facts) },
  {
    id: 'data-folder',
    inside: false,
    run: async ({ data, facts }) => dataFolderFinding(data, await tryDisk(data), facts),
  },
  { id: 'inotify', inside: false, run: ({ data }) => tryInotify(data) },
];

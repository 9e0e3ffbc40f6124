import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import { parseMountinfo } from '../../../helper/inspect/mountinfo.js';
import * as protocol from '../../../helper/protocol/index.js';
import { until } from '../cgroup/bed.js';
import { type HelperOptions, ownRuntime, startHelper } from '../cgroup/helperProcess.js';

/** A report, with its lines by id. */
export interface Examined {
  report: protocol.DoctorReport;
  line(id: protocol.DoctorLineId): protocol.DoctorLine;
  helper: MessageConnection;
  /** The helper's data folder, with its runtime folder in it. */
  data: string;
}

/** Lines of a report. Fails when one is asked for that is not there. */
export function linesOf(report: protocol.DoctorReport): Examined['line'] {
  return (id) => {
    const line = report.lines.find((candidate) => candidate.id === id);
    assert.ok(line, id);
    return line;
  };
}

/** Starts a helper in the surroundings that `options` make, with a zygote of its own, and asks its doctor. */
export async function examine(t: TestContext, options: HelperOptions = {}): Promise<Examined> {
  let data = '';
  const helper = await startHelper(t, {
    ...options,
    environment: (folder) => {
      data = folder;
      return { ...ownRuntime(folder), ...options.environment?.(folder) };
    },
  });
  const report = await helper.sendRequest(protocol.RunDoctor);
  return { report, line: linesOf(report), helper, data };
}

/** Runs the helper as root of a user namespace, after a script that changes its surroundings. `$DATA` is the data folder. */
export function surroundedBy(script: string, ...flags: string[]): NonNullable<HelperOptions['wrap']> {
  return (command) => [
    ...['unshare', '--user', '--map-root-user', ...flags],
    ...['sh', '-c', `set -e; DATA=$XDG_DATA_HOME; ${script}; exec "$@"`, 'sh', ...command],
  ];
}

/** Ours among the folders of cgroups, by name: other users may have a doctor at work at the same time. */
function groupsNamed(pattern: RegExp): string[] {
  const found: string[] = [];
  const look = (folder: string, depth: number) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      const at = path.join(folder, entry.name);
      try {
        if (pattern.test(entry.name) && statSync(at).uid === process.getuid?.()) found.push(at);
        if (depth > 0) look(at, depth - 1);
      } catch (error) {
        // Removed meanwhile, or not ours to read: then nothing in there is of our making.
        if (!['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      }
    }
  };
  look('/sys/fs/cgroup', 6);
  return found;
}

/** Names of programs that are running, in the pid namespace of the tests. */
function programs(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return statSync(`/proc/${pid}`).uid === process.getuid?.()
          ? [readFileSync(`/proc/${pid}/comm`, 'utf8').trim()]
          : [];
      } catch (error) {
        if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
        return [];
      }
    });
}

/** Nothing of the trials is left: files, sockets, groups, mounts, processes. */
export async function assertNothingLeft(data: string): Promise<void> {
  const files = readdirSync(data, { recursive: true }).map(String);
  assert.deepEqual(
    files.filter((name) => name.includes('doctor')),
    [],
  );
  assert.deepEqual(groupsNamed(/^terrarium-doctor/), []);
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  assert.deepEqual(
    mounts.filter(({ destination }) => destination.includes('doctor-')),
    [],
  );
  // What was killed is reaped by its parent a moment later.
  const helpers = /^(pasta|passt|slirp4netns|fuse-overlayfs|sleep)/;
  await until(() => !programs().some((name) => helpers.test(name)), 'no program of a trial is left');
}

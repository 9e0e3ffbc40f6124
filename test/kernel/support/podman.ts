/** A rootless container that Terrarium did not make. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import type { Bed } from './bed.js';
import { startTimeOf } from './kernel.js';
import { eventually } from './wait.js';

/**
 * Runs `sleep` as user 1000 in a container of podman until the test has ended. Answers its pid; undefined when the test is
 * skipped because this machine or user cannot have one.
 */
export async function podmanContainer(t: TestContext, bed: Bed): Promise<number | undefined> {
  if (spawnSync('sh', ['-c', 'command -v podman crun newuidmap']).status !== 0)
    return void t.skip('podman is not installed');
  if (process.getuid?.() === 0)
    return void t.skip('root may have no podman without a cgroup of its own, which no test makes');
  if (!new RegExp(`^${userInfo().username}:`, 'm').test(readFileSync('/etc/subuid', 'utf8'))) {
    return void t.skip('this user has no range of ids: podman needs one');
  }
  const out = mkdtempSync(path.join(tmpdir(), 'p-'));
  const configuration = path.join(out, 'containers.conf');
  const engine = 'cgroup_manager="cgroupfs"\nevents_logger="none"\nlock_type="file"\nruntime="crun"';
  writeFileSync(configuration, `[containers]\ncgroups="disabled"\n[engine]\n${engine}\n`);
  const folders = [
    '--root',
    `${out}/storage`,
    '--runroot',
    `${out}/run`,
    '--tmpdir',
    `${out}/tmp`,
    '--storage-driver',
    'vfs',
  ];
  // Where v1 and v2 of cgroups are mixed crun starts nothing unless it sees only v2; it keeps its state in /run.
  const inside = 'mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run && exec podman "$@"';
  const pidFile = path.join(out, 'pid');
  const run = [
    'run',
    '--detach',
    '--pidfile',
    pidFile,
    '--network',
    'none',
    '--user',
    '1000',
    '--rootfs',
    bed.rootFolder,
  ];
  const started = spawnSync(
    'unshare',
    ['--user', '--map-root-user', '--map-auto', '--mount', '--cgroup', 'sh', '-c', inside, 'podman'].concat(
      folders,
      run,
      '/bin/sleep',
      '600',
    ),
    {
      cwd: out,
      encoding: 'utf8',
      env: { ...bed.home.environment, HOME: out, TMPDIR: out, CONTAINERS_CONF: configuration },
    },
  );
  t.after(async () => {
    if (existsSync(pidFile)) {
      const first = Number(readFileSync(pidFile, 'utf8'));
      const startTime = startTimeOf(first);
      if (startTime !== undefined) {
        await bed.helper.request(protocol.SignalProcess, { process: { pid: first, startTime }, signal: 'KILL' });
      }
      await eventually('it ended', () => startTimeOf(first) === undefined);
    }
    spawnSync('unshare', ['--user', '--map-root-user', '--map-auto', 'rm', '-rf', out]);
    rmSync(out, { recursive: true, force: true });
  });
  assert.equal(started.status, 0, started.stderr);
  return Number(readFileSync(pidFile, 'utf8'));
}

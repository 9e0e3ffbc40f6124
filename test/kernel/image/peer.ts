/** podman and buildah, which keep layers as we do: what they make of an image is what ours has to be. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { describeWhole, run, unavailable } from './bed.js';

/** How they keep layers: stacked by the kernel, or each a whole copy with what lies below it. */
export type StorageDriver = 'overlay' | 'vfs';

/** Why they cannot run here, or undefined. They need a range of ids even for what is all root's. */
export function peerUnavailable(): string | undefined {
  for (const program of ['buildah', 'podman']) {
    if (spawnSync(program, ['--version']).status !== 0) return `${program} is not installed`;
  }
  const reason = unavailable('range');
  return reason && `this user has no range of ids: ${reason}`;
}

/** Defines for scripts `buildah` and `podman`, with everything they keep in `$1`. */
const prelude = `set -e; storage="--root $1/storage --runroot $1/run --storage-driver $2"; shift 2
buildah() { command buildah $storage "$@"; }
podman() { command podman $storage "$@"; }
`;

/** Without `/` itself: overlay storage of theirs gives that a mode and time of its own. */
export function withoutRoot(described: readonly string[]): string[] {
  return described.filter((line) => !/^d \S+ \S+ \S+ $/.test(line));
}

/** Both programs on a storage of their own. */
export class Peer {
  /** Theirs, also for archives. Its path is short, since they refuse a folder for run-time files beyond 50 bytes. */
  readonly folder = mkdtempSync(path.join(tmpdir(), 'p-'));

  constructor(
    t: TestContext,
    private readonly driver: StorageDriver,
  ) {
    t.after(() => {
      run('range', ['rm', '-rf', this.folder]);
    });
  }

  /** Runs a script as root of their user namespace; answers its standard output, a failure fails the test. */
  shell(script: string, ...args: string[]): string {
    return run('direct', this.command(script, args));
  }

  /** Runs a script that has to fail; answers its standard error. */
  fail(script: string, ...args: string[]): string {
    const [program = '', ...rest] = this.command(script, args);
    const { status, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
    assert.notEqual(status, 0, `succeeded: ${script}`);
    return stderr;
  }

  /** The tree of an image of theirs, to be compared with `describeStack`. */
  describe(image: string): string[] {
    const copy = path.join(this.folder, 'tree');
    // Their mount is seen in their namespaces only. The copy has all that is described.
    this.shell('cp -a --sparse=always "$(podman image mount "$1")" "$2"; podman image unmount "$1" >&2', image, copy);
    return withoutRoot(describeWhole('range', copy));
  }

  private command(script: string, args: readonly string[]): string[] {
    const file = path.join(this.folder, 'script');
    writeFileSync(file, prelude + script);
    return ['buildah', 'unshare', 'sh', file, this.folder, this.driver, ...args];
  }
}

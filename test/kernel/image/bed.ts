/** What tests of images share: archives made by GNU tar, stores, agents, and independent looks at trees. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { AgentClient, type AgentClientOptions } from '../../../helper/agent/client.js';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { ImageStore } from '../../../helper/image/store.js';

/** The bundle beside the tests' own: dist/agent.cjs. */
export const agentBundle = path.resolve(__dirname, '../../../agent.cjs');

/** In which user namespace something runs: this one, one with root only, or one with a range of ids. */
export type Mapping = 'direct' | 'single' | 'range';

const wrappers: Readonly<Record<Mapping, readonly string[]>> = {
  direct: [],
  single: ['unshare', '--user', '--map-root-user'],
  range: ['unshare', '--user', '--map-root-user', '--map-auto'],
};

export function wrapped(mapping: Mapping, command: readonly string[]): { program: string; args: string[] } {
  const [program = '', ...args] = [...wrappers[mapping], ...command];
  return { program, args };
}

/** Runs a command and answers with its standard output; a failure fails the test. */
export function run(mapping: Mapping, command: readonly string[], input?: string): string {
  const { program, args } = wrapped(mapping, command);
  const ended = spawnSync(program, args, {
    encoding: 'latin1',
    maxBuffer: 2 ** 28,
    ...(input === undefined ? {} : { input }),
  });
  assert.equal(ended.status, 0, `${command.join(' ')}: ${ended.error?.message ?? ended.stderr}`);
  return ended.stdout;
}

/** Why a mapping cannot be had here, or undefined. */
export function unavailable(mapping: Mapping): string | undefined {
  const { program, args } = wrapped(mapping, ['true']);
  const ended = spawnSync(program, args, { encoding: 'utf8' });
  return ended.status === 0 ? undefined : `unshare refuses a user namespace (${mapping}): ${ended.stderr.trim()}`;
}

/** A folder of its own for one test. Trees of other ids in it are removed inside the namespace. */
export function temporaryFolder(t: TestContext, mapping: Mapping = 'direct'): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-image-'));
  t.after(() => {
    const { program, args } = wrapped(mapping, ['sh', '-c', 'chmod -R u+rwX "$1"; rm -rf "$1"', 'sh', folder]);
    spawnSync(program, args);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export function startAgent(t: TestContext, mapping: Mapping = 'direct', options: AgentClientOptions = {}): AgentClient {
  const agent = new AgentClient(() => wrapped(mapping, [process.execPath, agentBundle]), options);
  t.after(() => agent.dispose());
  return agent;
}

export interface Bed {
  /** For archives and what they are made of. */
  work: string;
  /** The store's folder. */
  images: string;
  store: ImageStore;
  agent: AgentClient;
}

export function makeBed(t: TestContext, mapping: Mapping = 'direct'): Bed {
  const folder = temporaryFolder(t, mapping);
  const work = path.join(folder, 'work');
  const images = path.join(folder, 'images');
  mkdirSync(work);
  const agent = startAgent(t, mapping);
  return {
    work,
    images,
    agent,
    store: new ImageStore({ folder: images, agent: layerAgent(agent), uses: async () => [] }),
  };
}

/**
 * A tree as find(1) and sha256sum(1) see it: type, mode, owner, time, number of links, target and name of everything,
 * and the content of files.
 */
export function describeTree(mapping: Mapping, folder: string): string[] {
  const script = `cd "$1" && find . -type d -printf '%y %m %U:%G %T@ %P\\n' -o -printf '%y %m %U:%G %T@ %n %s %P -> %l\\n' &&
    find . -type f -print0 | xargs -0r sha256sum && find . -print0 | xargs -0r getcap -n`;
  return run(mapping, ['sh', '-c', script, 'sh', folder]).split('\n').sort();
}

/**
 * A store, byte for byte, with times: two equal answers mean that nothing was touched. Of the folder for unfinished
 * things only the content counts.
 */
export function fingerprint(images: string): string {
  const options = ['--sort=name', '--format=posix', '--pax-option=delete=atime,delete=ctime', '--exclude=./ingest'];
  const unfinished = run('direct', ['find', path.join(images, 'ingest'), '-mindepth', '1']);
  return unfinished + run('direct', ['tar', ...options, '-cf', '-', '-C', images, '.']);
}

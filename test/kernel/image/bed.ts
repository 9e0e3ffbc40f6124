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

/** dist/agent.cjs, from wherever below dist/test the bundle of a test is. */
export const agentBundle = path.join(__dirname.replace(/\/test\/(kernel|security)\/.*$/, ''), 'agent.cjs');

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
  return run(mapping, ['sh', '-c', `cd "$1" && ${description}`, 'sh', folder])
    .split('\n')
    .sort();
}

const description = `find . -type d -printf '%y %m %U:%G %T@ %P\\n' -o -printf '%y %m %U:%G %T@ %n %s %P -> %l\\n' &&
  find . -type f -print0 | xargs -0r sha256sum && find . -print0 | xargs -0r getcap -n`;

/**
 * For layers (top first) as a container sees them, stacked by the kernel: the same with attributes, and which names are
 * one file. The number of links would also count names that are hidden.
 */
export function describeStack(mapping: Exclude<Mapping, 'direct'>, layers: readonly string[], empty: string): string[] {
  mkdirSync(empty, { recursive: true });
  const lower = layers.length > 1 ? layers : [...layers, empty];
  const script = `mount -t overlay -o "userxattr,lowerdir=$1" overlay "$2" && cd "$2" && ${wholeDescription}`;
  return withoutInodes(run(mapping, ['unshare', '--mount', 'sh', '-c', script, 'sh', lower.join(':'), empty]));
}

/** Of attributes `user.note`: tools have others for their own book-keeping. */
const wholeDescription = `find . -type d -printf '%y %m %U:%G %T@ %P\\n' -o -printf '%y %m %U:%G %T@ %s %P -> %l\\n' &&
  find . -type f -print0 | xargs -0r sha256sum && find . -print0 | xargs -0r getcap -n &&
  find . -print0 | xargs -0r getfattr -h -d -m '^user[.]note$' && find . ! -type d -printf 'inode %i %P\\n'`;

/** To be compared with `describeStack`. */
export function describeWhole(mapping: Mapping, folder: string): string[] {
  return withoutInodes(run(mapping, ['sh', '-c', `cd "$1" && ${wholeDescription}`, 'sh', folder]));
}

/** Numbers of inodes differ; which names share one must not. */
function withoutInodes(described: string): string[] {
  const names = new Map<string, string[]>();
  const rest: string[] = [];
  for (const line of described.split('\n')) {
    const [, inode, name] = /^inode (\d+) (.*)$/s.exec(line) ?? [];
    if (inode === undefined || name === undefined) rest.push(line);
    else names.set(inode, [...(names.get(inode) ?? []), name]);
  }
  const shared = [...names.values()].filter(({ length }) => length > 1);
  return [...rest, ...shared.map((group) => `one file: ${group.sort().join(' ')}`)].sort();
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

/** A container and the script of its ledger, run by hand: what /proc says of either's first process. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import type { RequestType } from 'vscode-jsonrpc';
import * as protocol from '../../../helper/protocol/index.js';
import { type NamespaceLink, namespaceLinks, namespacesOf, parseMountinfo } from './kernel.js';

const mark = '----';

/** What the first process tells of itself, in the order of `parts`; with a shell and the tools that busybox has, too. */
const questions = {
  mounts: 'cat /proc/$$/mountinfo',
  namespaces: `for n in ${namespaceLinks.join(' ')}; do readlink /proc/$$/ns/$n; done`,
  status: "grep -E '^(Cap|NoNewPrivs|Seccomp|Umask|Uid|Gid|Groups)' /proc/$$/status",
  // Numbers of the outside depend on how deep the user namespaces are nested.
  ids: "cat /proc/$$/uid_map /proc/$$/gid_map | awk '{print $1, $3}'",
  setgroups: 'cat /proc/$$/setgroups',
  limits: 'cat /proc/$$/limits',
  oomScore: 'cat /proc/$$/oom_score_adj',
  clocks: 'cat /proc/$$/timens_offsets',
  names: 'hostname; cat /proc/sys/kernel/domainname',
  place: 'pwd; readlink /proc/$$/cwd',
  environment: 'env | grep -vE "^(_|PWD|OLDPWD|SHLVL)=" | sort',
  // Addresses of the link follow from that of the hardware, which is made up.
  interfaces: "ip -o addr | awk '{print $2, $3, $4}' | sed 's/fe80::.*/fe80/'; ip -o link show lo | grep -o '<.*>'",
  routes: 'ip route',
  // Of cgroup v2, where it is mounted inside.
  knobs: 'cd /sys/fs/cgroup 2>/dev/null && grep . memory.max pids.max cpu.max 2>/dev/null; :',
  sysctls:
    'cd /proc/sys; grep . kernel/shm_rmid_forced net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range user/max_user_namespaces',
};
type Part = keyof typeof questions;

/** A script for `sh -c` that prints all of it. */
export const selfReport = Object.values(questions).join(`; echo ${mark}; `);

type Report = Record<Part, string[]>;

/** Somebody who asks the helper. */
export interface Asker {
  request<P, R>(type: RequestType<P, R, protocol.ErrorData>, params: P): Promise<R>;
}

function parseReport(text: string, own: RegExp): Report {
  const answers = text.split(`${mark}\n`);
  const parts = Object.keys(questions) as Part[];
  assert.equal(answers.length, parts.length, text);
  const lines = parts.map((part, index): [Part, string[]] => {
    const answer = answers[index] ?? '';
    return [part, part === 'mounts' ? mountLines(answer, own) : answer.trimEnd().split('\n')];
  });
  return Object.fromEntries(lines) as Report;
}

/** In order of destination, where something covers another only that: mounts without their ids, and without the folder that the container or the script is made in. */
function mountLines(mountinfo: string, own: RegExp): string[] {
  const propagation = mountinfo
    .trim()
    .split('\n')
    .map((line) => (/ (shared|master|unbindable):?\d*/.exec(line.split(' - ')[0] ?? '') ?? ['', 'private'])[1]);
  const lines = parseMountinfo(mountinfo).map(
    ({ destination, root, type, source, options, superOptions }, index): [string, string] => [
      destination,
      [destination, root, type, source, options.sort(), superOptions.sort(), propagation[index]].join(' '),
    ],
  );
  return [...new Map(lines).values()].map((line) => line.replace(own, '$dir')).sort();
}

/** What a container's own folders are below, and what those of a script are. */
const containerFolder = /[^\s,=:]*\/containers\/[0-9a-f]{12}(?=\/(rootfs|upper|work|scratch|empty)\b)/g;

export interface Both {
  id: string;
  made: Report;
  scripted: Report;
  script: string;
}

/**
 * Runs the specification's container to its end, then its script, and answers what either's first process said.
 *
 * @param folder for the script and what it makes.
 * @param prefix a command to run bash by.
 */
export async function byHand(
  t: TestContext,
  helper: Asker,
  folder: string,
  specification: protocol.ContainerSpecification,
  prefix: readonly string[] = [],
): Promise<Both> {
  const args = ['/bin/sh', '-c', selfReport];
  const { summary } = await helper.request(protocol.RunContainer, { specification: { args, ...specification } });
  const { id } = summary;
  const { exit } = await helper.request(protocol.WaitContainer, { container: id });
  const { entries } = await helper.request(protocol.ReadLogs, { container: id });
  const printed = (stream: protocol.LogEntry['stream']) =>
    Buffer.concat(
      entries.flatMap((entry) => (entry.stream === stream ? Buffer.from(entry.data, 'base64') : [])),
    ).toString();
  assert.equal(exit?.exitCode, 0, `${printed('stdout')}${printed('stderr')}`);
  const { script, ended } = await runScript(t, helper, folder, id, prefix);
  assert.equal(ended.status, 0, `${ended.stderr}\n${ended.stdout}`);
  assert.doesNotMatch(ended.stderr, /do not count|left out/);
  return {
    id,
    made: parseReport(printed('stdout'), containerFolder),
    scripted: parseReport(ended.stdout, new RegExp(scriptFolder(folder, id), 'g')),
    script,
  };
}

const scriptFolder = (folder: string, id: string) => path.join(folder, `script-${id}`);

/** Runs the script of a container's latest start to its end. */
export async function runScript(
  t: TestContext,
  helper: Asker,
  folder: string,
  id: string,
  prefix: readonly string[] = [],
): Promise<{ script: string; ended: SpawnSyncReturns<string> }> {
  const { text } = await helper.request(protocol.RenderLedger, { container: id, format: 'script' });
  const file = path.join(folder, `${id}.sh`);
  writeFileSync(file, text);
  const dir = scriptFolder(folder, id);
  t.after(() => void spawnSync('unshare', ['--user', '--map-root-user', '--map-auto', 'rm', '-rf', dir]));
  const { TERRARIUM_TEST_IDENTITY, ...environment } = process.env;
  const [program = 'bash', ...words] = [...prefix, 'bash', file];
  const ended = spawnSync(program, words, {
    encoding: 'utf8',
    env: { ...environment, TERRARIUM_DIR: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
    // One that waits for ever is to be told from one that is slow.
    timeout: 60_000,
  });
  return { script: text, ended };
}

/** Fails unless exactly these namespaces, of those that are not the host's, are that process's, of both. */
export function assertJoined({ made, scripted }: Both, pid: number, links: readonly NamespaceLink[]): void {
  const [theirs, host] = [namespacesOf(pid), namespacesOf('self')];
  for (const report of [made, scripted]) {
    const joined = namespaceLinks.filter(
      (link, index) => theirs[link] !== host[link] && report.namespaces[index] === theirs[link],
    );
    assert.deepEqual(joined.toSorted(), links.toSorted());
  }
}

/** Fails unless both are alike, but for the namespaces' numbers: the same ones are new, the same ones the host's. */
export function assertAlike({ made, scripted }: Both): void {
  const host = Object.values(namespacesOf('self'));
  const told = (report: Report) => ({ ...report, namespaces: report.namespaces.map((link) => host.includes(link)) });
  for (const part of Object.keys(questions) as Part[]) assert.deepEqual(told(scripted)[part], told(made)[part], part);
}

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { type Asker, assertAlike, assertJoined, byHand } from '../support/scripted.js';

const MiB = 1024 * 1024;

/** What holds the limits that are asked for below, of either version. */
const knobs = [
  ...['memory.max', 'memory.limit_in_bytes', 'pids.max'],
  ...['cpu.max', 'cpu.cfs_quota_us', 'cpu.cfs_period_us'],
];
/** The most memory that was in use in a group: above zero once a process ran in it. */
const peaks = ['memory.peak', 'memory.max_usage_in_bytes'];

/**
 * The script of a container with limits, run by hand, has them too.
 *
 * @param start gives the helper; where it finds no cgroups the test is skipped with its own reason.
 * @param prefix a command that a person has to run the script by.
 */
export function testScripts(
  version: 'v1' | 'v2',
  start: (t: TestContext) => Promise<MessageConnection>,
  prefix: readonly string[] = [],
): void {
  test(`${version} script: run by hand, it makes the same container with the same limits`, async (t) => {
    const connection = await start(t);
    const asker: Asker = { request: ({ method }, params) => connection.sendRequest(method, params) };
    const resources = { memory: { limit: 64 * MiB }, pids: { limit: 50 }, cpu: { quota: 50_000, period: 100_000 } };
    const probe = await asker.request(protocol.CreateContainer, { specification: {} });
    const { mode, notice } = await asker.request(protocol.ReadLimits, { container: probe.id });
    if (mode === 'none') return t.skip(`no cgroup is delegated to this user: ${notice?.reason}`);
    if (mode !== version) return t.skip(`this machine has its controllers in cgroup ${mode}`);
    const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-script-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    // It stays, so that its groups are there to compare with.
    const { summary } = await asker.request(protocol.RunContainer, { specification: { args: [], resources } });
    // Limits of processes that nobody asks for are inherited: from systemd there, from the shell here.
    const rlimits = [{ type: 'RLIMIT_NOFILE', soft: 512, hard: 1024 }];
    const both = await byHand(t, asker, folder, { resources, rlimits, oomScoreAdj: 300 }, prefix);
    assertAlike(both);

    const { cgroup } = await asker.request(protocol.InspectContainer, { container: summary.id });
    const folders = [...new Set(Object.values(cgroup?.paths ?? {}))];
    const scriptsOf = (id: string) => folders.map((group) => path.join(path.dirname(group), `${id}-script`));
    const scripted = scriptsOf(both.id);
    const made = [...scripted];
    t.after(() => {
      for (const group of made) rmdirSync(group);
    });
    const held = (groups: readonly string[], names: readonly string[]) =>
      groups.flatMap((group) =>
        names
          .map((name) => path.join(group, name))
          .filter((file) => existsSync(file))
          .map((file) => `${path.basename(file)} ${readFileSync(file, 'utf8').trim()}`),
      );
    assert.deepEqual(held(scripted, knobs), held(folders, knobs));
    assert.ok(held(scripted, knobs).length >= 3, held(scripted, knobs).join());
    // It was in there.
    assert.match(held(scripted, peaks).join(), /^\S+ [1-9]/);

    // One beside the first container, in namespaces of that, each with limits of its own.
    const whose = { container: summary.id };
    const joining = { namespaces: { ipc: whose, uts: whose }, network: { kind: 'container', ...whose } } as const;
    const beside = await byHand(t, asker, folder, { ...joining, resources, rlimits, oomScoreAdj: 300 }, prefix);
    made.push(...scriptsOf(beside.id));
    assertAlike(beside);
    assertJoined(beside, summary.init?.pid ?? 0, ['ipc', 'net', 'uts']);
  });
}

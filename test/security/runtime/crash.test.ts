/** Monitors killed at random moments of a start: what the product shows and removes afterwards. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  InspectContainer,
  ListContainers,
  RemoveContainer,
  RunContainer,
  StartContainer,
} from '../../../helper/protocol/index.js';
import { killUnlessEnded } from '../../kernel/support/kernel.js';
import { holders, Product, parentOf, pidOf, processes, procText, until } from './product.js';

const childrenOf = (pid: number): number[] =>
  procText(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number);

/** Every descendant that a process has now. */
const descendants = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);

test('a monitor that is killed at a random moment of a start', async (t) => {
  const product = await Product.start(t);
  const zygote = await product.zygotePid();
  const { client } = product;
  const begun = performance.now();
  await product.up({ args: ['/bin/sleep', '1000'] });
  const usual = performance.now() - begun;
  for (const { id } of await client.sendRequest(ListContainers)) {
    await client.sendRequest(RemoveContainer, { container: id, force: true });
  }
  const seen = { failed: 0, started: 0 };
  const groups = new Set<string>();
  for (let i = 0; i < 60; i++) {
    const known = new Set(childrenOf(zygote));
    const start = client.sendRequest(RunContainer, { specification: { args: ['/bin/sleep', '1000'] } }).then(
      ({ summary }) => summary,
      (error: unknown) => {
        assert.ok(error instanceof Error && error.message.length > 10, String(error));
        return undefined;
      },
    );
    let monitor: number | undefined;
    for (let waited = 0; monitor === undefined && waited < 2000; waited++) {
      monitor = childrenOf(zygote).find((pid) => !known.has(pid));
      if (monitor === undefined) await sleep(0);
    }
    // From the begin of a start to beyond its end.
    const moment = performance.now() + ((i % 20) / 10) * usual;
    while (performance.now() < moment);
    if (monitor !== undefined) killUnlessEnded(monitor);
    const summary = await start;
    seen[summary === undefined ? 'failed' : 'started']++;
    const listed = await client.sendRequest(ListContainers);
    if (summary === undefined) {
      assert.deepEqual(listed, [], 'a start that failed leaves no container');
      continue;
    }
    for (const group of Object.values(
      (await client.sendRequest(InspectContainer, { container: summary.id })).cgroup?.paths ?? {},
    )) {
      groups.add(group);
    }
    // Once it runs, it goes on without its monitor; its state says so when it has ended.
    await client.sendRequest(RemoveContainer, { container: summary.id, force: true });
    // Without its monitor it is somebody else's to reap.
    await until('its process is gone', () => !processes().includes(summary.init?.pid ?? -1));
  }
  assert.ok(seen.failed > 0 && seen.started > 0, `control: killed before and after: ${JSON.stringify(seen)}`);
  await until('no process is left', () => descendants(zygote).length === 0 && holders(product.data).length === 0);
  assert.deepEqual(readdirSync(product.store('')), [], 'no folder');
  // Beside those that are known there must be none of a start that failed.
  for (const parent of new Set([...groups].map((group) => path.dirname(group)))) {
    // The group of all containers goes with the last one.
    const left = existsSync(parent) ? readdirSync(parent) : [];
    assert.deepEqual(
      left.filter((name) => /^(terrarium-)?[0-9a-f]{12}$/.test(name)),
      [],
      parent,
    );
  }
  const left = readdirSync(product.runtime).filter((name) => /^[0-9a-f]{12}-/.test(name));
  assert.deepEqual(left, [], 'no socket');
});

test('a container whose monitor was killed says so, and can be started again', async (t) => {
  const product = await Product.start(t);
  const { client } = product;
  const { id, init } = await product.up({ args: ['/bin/sleep', '1000'] });
  const monitor = parentOf(pidOf(init));
  killUnlessEnded(monitor);
  killUnlessEnded(pidOf(init));
  const state = await until('it has ended', async () => {
    const summary = (await client.sendRequest(ListContainers)).find((one) => one.id === id);
    return summary?.state === 'stopped' && summary;
  });
  assert.deepEqual([state.monitorLost, state.exit], [true, undefined]);
  const again = await client.sendRequest(StartContainer, { container: id });
  assert.equal(again.summary.state, 'running');
  await client.sendRequest(RemoveContainer, { container: id, force: true });
  assert.deepEqual(readdirSync(path.join(product.data, 'terrarium/containers')), []);
});

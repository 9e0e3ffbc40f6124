import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../helper/protocol/index.js';
import { startHelper } from '../kernel/cgroup/helperProcess.js';
import { makeBusyboxRoot } from '../kernel/support/root.js';

const MiB = 1024 * 1024;
const held = `${64 * MiB}\n0\n20000 50000\n30\n`;

test('crun and runc hold the limits of a bundle, and run one without them where they may make no group', async (t) => {
  const helper = await startHelper(t);
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-bundle-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { id } = await helper.sendRequest(protocol.CreateContainer, {
    specification: {
      root: { kind: 'directory', path: makeBusyboxRoot(folder) },
      resources: { memory: { limit: 64 * MiB, swap: 64 * MiB }, pids: { limit: 20 } },
      args: ['/bin/sh', '-c', 'cd /sys/fs/cgroup && cat memory.max memory.swap.max cpu.max pids.max'],
    },
  });
  const changes = [
    { name: 'cpu.max', value: '20000 50000' },
    { name: 'pids.max', value: '30' },
  ];
  await helper.sendRequest(protocol.SetLimits, { target: { container: id }, changes });
  const write = async (name: string, limits?: boolean): Promise<{ bundle: string; notes: string[] }> => {
    const bundle = path.join(folder, name);
    const source = { kind: 'container', container: id } as const;
    const params = {
      source,
      format: 'bundle',
      destination: bundle,
      ...(limits === undefined ? {} : { limits }),
    } as const;
    return { bundle, notes: (await helper.sendRequest(protocol.ExportImage, params)).notes };
  };
  const limited = await write('limited');
  const config = JSON.parse(readFileSync(path.join(limited.bundle, 'config.json'), 'utf8')) as protocol.oci.Config;
  assert.deepEqual(config.linux.resources, {
    memory: { limit: 64 * MiB, swap: 64 * MiB },
    cpu: { quota: 20_000, period: 50_000 },
    pids: { limit: 30 },
  });
  assert.match(limited.notes.join(' '), /--systemd-cgroup/);
  const unlimited = await write('unlimited', false);
  assert.match(unlimited.notes.join(' '), /Limits are left out/);

  for (const program of ['crun', 'runc']) {
    const state = path.join(folder, program);
    mkdirSync(state);
    const run = (bundle: string, ...options: string[]): SpawnSyncReturns<string> =>
      spawnSync(program, ['--root', state, ...options, 'run', `${program}-${process.pid}`], {
        cwd: bundle,
        encoding: 'utf8',
      });
    const inForce = run(limited.bundle, '--systemd-cgroup');
    assert.deepEqual([inForce.stdout, inForce.status], [held, 0], inForce.stderr);
    const without = run(unlimited.bundle);
    assert.notEqual(without.stdout, held);
    assert.equal(without.status, 0, `${program}: ${without.stderr}`);
    // What the note says of a login session, in which this is: the reason why there is a choice.
    const refused = run(limited.bundle);
    assert.equal(refused.status === 0, program === 'crun', `${program}: ${refused.stdout}${refused.stderr}`);
    assert.notEqual(refused.stdout, held);
  }
});

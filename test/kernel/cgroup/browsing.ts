import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { until } from './bed.js';

const list = (helper: MessageConnection, folder: string) => helper.sendRequest(protocol.ListCgroups, { path: folder });

/** All folders of a hierarchy as find(1) sees them. It fails when one is removed meanwhile, having printed the others. */
function find(mountPoint: string): string[] {
  const script = 'find "$1" -xdev -type d 2>/dev/null || true';
  const text = execFileSync('sh', ['-c', script, 'sh', mountPoint], { maxBuffer: 1 << 26 }).toString();
  return text.split('\n').filter((line) => line !== '' && line !== mountPoint);
}

/** All folders of a hierarchy by requests, opening what has groups below. */
async function walk(helper: MessageConnection, folder: string): Promise<protocol.CgroupNode[]> {
  const nodes = await list(helper, folder);
  const below = await Promise.all(nodes.filter((node) => node.hasChildren).map((node) => walk(helper, node.path)));
  return [...nodes, ...below.flat()];
}

/** Lines of a file; none when there is no such file or it may not be read. */
function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    if (!/ENOENT|ENODEV|EACCES|EOPNOTSUPP|ENOTSUP/.test(String(error))) throw error;
    return [];
  }
}

const mayWrite = (file: string): boolean => {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch (error) {
    if (!/EACCES|EROFS|ENOENT/.test(String(error))) throw error;
    return false;
  }
};

/** What is listed of the machine's control groups is what is there: asked for as the editor asks. */
export function testBrowsing(version: 1 | 2, start: (t: TestContext) => Promise<MessageConnection>): void {
  const name = (what: string) => `v${version} control groups: ${what}`;

  /** A running container with its folder of the hierarchy that has pids; undefined after a skip. */
  const withContainer = async (t: TestContext, helper: MessageConnection) => {
    const { summary } = await helper.sendRequest(protocol.RunContainer, {
      specification: { name: 'looked-at', args: ['/bin/sh', '-c', 'sleep 4711 & exec sleep 4712'] },
    });
    const { cgroup } = await helper.sendRequest(protocol.InspectContainer, { container: summary.id });
    const folder = cgroup?.paths.unified ?? cgroup?.paths.pids;
    if (folder !== undefined) return { summary, folder };
    t.skip('no cgroup is delegated to this user');
    return undefined;
  };

  test(name('the hierarchies are those that are mounted'), async (t) => {
    const helper = await start(t);
    const nodes = await helper.sendRequest(protocol.ListCgroups, {});
    const mounted = lines('/proc/self/mounts')
      .map((line) => line.split(' '))
      .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2');
    assert.ok(nodes.length > 0);
    assert.deepEqual(nodes.map((node) => node.path).sort(), mounted.map(([, target]) => target).sort());
    for (const node of nodes) {
      const options = mounted.find(([, target]) => target === node.path)?.[3]?.split(',') ?? [];
      if (node.version === 1)
        assert.ok(
          node.controllers.every((controller) => options.includes(controller)),
          node.path,
        );
      else assert.deepEqual(node.controllers, lines(`${node.path}/cgroup.controllers`)[0]?.split(' ') ?? []);
    }
  });

  test(name('every group that find(1) finds is listed, with its controllers and who may write'), async (t) => {
    const helper = await start(t);
    let compared = 0;
    for (const { path: mountPoint } of await helper.sendRequest(protocol.ListCgroups, {})) {
      let nodes: protocol.CgroupNode[] = [];
      let after = new Set<string>();
      let missing: string[] = [];
      let invented: string[] = [];
      // Others make and remove groups meanwhile: what was there all the time must be listed, and nothing that never was. One
      // that came and went between two looks, or went and came again, is rare; what is listed wrongly is so every time.
      for (let round = 0; round < 5; round++) {
        const before = find(mountPoint);
        nodes = await walk(helper, mountPoint);
        after = new Set(find(mountPoint));
        const listed = new Set(nodes.map((node) => node.path));
        missing = before.filter((folder) => after.has(folder) && !listed.has(folder));
        invented = [...listed].filter((folder) => !after.has(folder) && !before.includes(folder));
        if (missing.length + invented.length === 0) break;
      }
      assert.deepEqual({ missing, invented }, { missing: [], invented: [] });
      for (const node of nodes.filter((one) => after.has(one.path))) {
        assert.equal(node.name, path.basename(node.path));
        const memory = path.join(node.path, node.version === 2 ? 'memory.max' : 'memory.limit_in_bytes');
        if (mayWrite(memory)) assert.equal(node.writable, true, node.path);
        if (node.version === 2) {
          assert.deepEqual(node.controllers, lines(`${node.path}/cgroup.controllers`)[0]?.split(' ') ?? [], node.path);
        }
        compared++;
      }
    }
    t.diagnostic(`${compared} groups`);
  });

  test(name('a container’s own group has its name, its numbers and its processes'), async (t) => {
    const helper = await start(t);
    const made = await withContainer(t, helper);
    if (made === undefined) return;
    const { summary, folder } = made;
    const node = (await list(helper, path.dirname(folder))).find((one) => one.path === folder);
    assert.ok(node, `${folder} is listed`);
    assert.deepEqual(node.container, { id: summary.id, name: 'looked-at' });
    assert.equal(node.writable, true);
    const pids = () => lines(`${folder}/cgroup.procs`).map(Number);
    // Until it executes its command, the child is a copy of the shell.
    const isUp = (pid: number) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
    await until(() => pids().length === 2 && pids().every(isUp), 'both processes are there');
    const fresh = (await list(helper, path.dirname(folder))).find((one) => one.path === folder);
    assert.deepEqual([fresh?.processes, fresh?.pids, fresh?.hasChildren], [2, 2, false]);
    assert.equal(fresh?.populated, version === 2 ? true : undefined);
    const processes = await helper.sendRequest(protocol.ListCgroupProcesses, { path: folder });
    assert.deepEqual(
      processes.map(({ pid }) => pid),
      pids().sort((a, b) => a - b),
    );
    assert.deepEqual(processes.map(({ command }) => command).sort(), ['sleep 4711', 'sleep 4712']);
    for (const { pid, user, startTime } of processes) {
      assert.equal(
        user,
        execFileSync('stat', ['-c', '%U', `/proc/${pid}`])
          .toString()
          .trim()
          .replace('UNKNOWN', user),
      );
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      assert.equal(startTime, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]));
    }
  });

  test(name('a group made by hand is nobody’s, empty, and has the limits of its files'), async (t) => {
    const helper = await start(t);
    const made = await withContainer(t, helper);
    if (made === undefined) return;
    const folder = path.join(path.dirname(made.folder), 'by-hand');
    mkdirSync(folder);
    t.after(() => rmdirSync(folder));
    const node = (await list(helper, path.dirname(folder))).find((one) => one.path === folder);
    assert.ok(node);
    assert.equal(node.container, undefined);
    assert.equal(node.processes, 0);
    assert.equal(node.writable, mayWrite(path.join(folder, 'pids.max')));
    assert.deepEqual(await helper.sendRequest(protocol.ListCgroupProcesses, { path: folder }), []);
    assert.deepEqual(await list(helper, folder), []);
    // Its limits are those of its files, and may be set.
    writeFileSync(path.join(folder, 'pids.max'), '7');
    const held = async () => {
      const { readings, live } = await helper.sendRequest(protocol.ReadLimits, { cgroup: folder });
      const reading = readings.find(({ name: one }) => one === 'pids.max');
      return [live, reading?.value, reading?.writable];
    };
    assert.deepEqual(await held(), [true, '7', true]);
    const changes = [{ name: 'pids.max', value: '9' }];
    await helper.sendRequest(protocol.SetLimits, { target: { cgroup: folder }, changes });
    assert.equal(readFileSync(path.join(folder, 'pids.max'), 'utf8').trim(), '9');
    assert.deepEqual(await held(), [true, '9', true]);
  });

  test(name('a group that is gone has nothing in it, and is no error'), async (t) => {
    const helper = await start(t);
    const [root] = await helper.sendRequest(protocol.ListCgroups, {});
    assert.ok(root);
    const gone = path.join(root.path, 'never-was');
    assert.deepEqual(await list(helper, gone), []);
    assert.deepEqual(await helper.sendRequest(protocol.ListCgroupProcesses, { path: gone }), []);
    await helper.sendRequest(protocol.WatchCgroups, { paths: [gone] });
  });

  test(name('what is no group of a hierarchy is refused'), async (t) => {
    const helper = await start(t);
    const [root] = await helper.sendRequest(protocol.ListCgroups, {});
    assert.ok(root);
    for (const folder of [
      '/etc',
      '',
      'etc',
      `${root.path}/../../../etc`,
      `${root.path}/.`,
      `${root.path}/`,
      `${root.path}/cgroup.procs`,
      `/proc/self/root${root.path}`,
      `${root.path}x`,
    ]) {
      for (const type of [protocol.ListCgroups, protocol.ListCgroupProcesses] as const) {
        await assert.rejects(
          helper.sendRequest<unknown>(type.method, { path: folder }),
          (error: protocol.TerrariumError) =>
            error.code === protocol.ErrorCode.Invalid && error.data?.fix !== undefined,
          `${type.method} takes ${folder}`,
        );
      }
    }
  });

  test(name('2000 groups in a folder are listed soon, and in the order of their numbers'), async (t) => {
    const helper = await start(t);
    const made = await withContainer(t, helper);
    if (made === undefined) return;
    const folder = path.join(path.dirname(made.folder), 'crowd');
    mkdirSync(folder);
    t.after(() => {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) rmdirSync(path.join(folder, entry.name));
      }
      rmdirSync(folder);
    });
    for (let i = 0; i < 2000; i++) mkdirSync(path.join(folder, `group-${i}`));
    const begin = performance.now();
    const nodes = await list(helper, folder);
    const milliseconds = Math.round(performance.now() - begin);
    assert.deepEqual(
      nodes.map((node) => node.name),
      Array.from({ length: 2000 }, (_, i) => `group-${i}`),
    );
    t.diagnostic(`2000 groups in ${milliseconds} ms`);
    // Far above what it takes: it is there to notice when the time grows with the square.
    assert.ok(milliseconds < 20_000, `it took ${milliseconds} ms`);
  });

  test(name('who watches a group is told when others come and go in it'), async (t) => {
    const helper = await start(t);
    const made = await withContainer(t, helper);
    if (made === undefined) return;
    const parent = path.dirname(made.folder);
    let told: string[] = [];
    helper.onNotification(protocol.CgroupsChanged, ({ paths }) => {
      told.push(...paths);
    });
    await helper.sendRequest(protocol.WatchCgroups, { paths: [parent] });
    const folder = path.join(parent, 'comes-and-goes');
    mkdirSync(folder);
    await until(() => told.includes(parent), 'the new group is told of');
    told = [];
    rmdirSync(folder);
    await until(() => told.includes(parent), 'its end is told of');
    await helper.sendRequest(protocol.WatchCgroups, { paths: [] });
    told = [];
    mkdirSync(folder);
    rmdirSync(folder);
    // Longer than changes take to be told of; a request makes sure that the helper was awake meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await list(helper, parent);
    assert.deepEqual(told, []);
  });
}

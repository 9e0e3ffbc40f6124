import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();

/** The latest sample of a container; its processes as the helper lists them. */
async function watch(id: string): Promise<() => protocol.ContainerStats | undefined> {
  let latest: protocol.ContainerStats | undefined;
  bed.helper.connection.onNotification(protocol.StatsSampled, ({ stats }) => {
    latest = stats.find(({ container }) => container === id);
  });
  await bed.helper.request(protocol.WatchStats, { containers: [id] });
  return () => latest;
}

for (const pid of ['new', 'host'] as const) {
  test(`processes that entered are counted, ${pid === 'host' ? 'the host’s pid namespace shared' : 'all its own'}`, async () => {
    const { id } = await bed.up({ namespaces: { pid } });
    const latest = await watch(id);
    await eventually('one process', () => latest()?.pids === 1);
    const before = latest()?.memoryBytes ?? 0;
    // Its shell waits for a child of its own, which holds some memory.
    const args = ['/bin/sh', '-c', 'sleep 1000 & dd if=/dev/zero of=/dev/null bs=32M & wait'];
    await bed.helper.request(protocol.ExecInContainer, { container: id, process: { args } });
    await eventually('init, the shell that entered and its two children', () => latest()?.pids === 4);
    const processes = await bed.helper.request(protocol.ListProcesses, { container: id });
    assert.equal(processes.length, 4);
    await eventually('their memory', () => (latest()?.memoryBytes ?? 0) > before + 16 * 1024 * 1024);
    await eventually('their CPU time', () => (latest()?.cpu ?? 0) > 0.1);
    await bed.helper.request(protocol.WatchStats, { containers: [] });
    await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
    const gone = () => processes.every(({ identity: { pid, startTime } }) => startTimeOf(pid) !== startTime);
    await eventually('the end of what had entered too', gone);
  });
}

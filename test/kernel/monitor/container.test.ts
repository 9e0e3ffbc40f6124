import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { Attachment } from '../../../helper/container/attach.js';
import { container } from '../stage/plan.js';
import { assertRunning, busyboxRoot, temporary, Zygote } from '../stage/zygote.js';
import { hear } from './harness.js';

/** The monitor as the zygote makes it, of a whole container. */
const files = temporary();
const lower = busyboxRoot(files);
let zygote: Zygote;
before(async () => {
  zygote = await Zygote.start('single');
});
after(async () => {
  await zygote.stop();
  rmSync(files, { recursive: true });
});

const privateMemory = (pid: number): number =>
  [...readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce(
    (sum, [, size]) => sum + Number(size),
    0,
  );

for (const terminal of [true, false]) {
  test(`the monitor of a container ${terminal ? 'with' : 'without'} a terminal is small, and holds what it needs only`, async () => {
    const folder = path.join(zygote.folder, terminal ? 'terminal' : 'pipes');
    const args = ['/bin/sh', '-c', 'stty raw 2>/dev/null; seq 100000; read line || sleep 100; exit 3'];
    const answer = await zygote.send(container({ folder, lower, mapping: 'single', args, terminal }));
    assertRunning(answer);
    const attachment = await Attachment.connect(path.join(folder, 'attach'), { fromStart: true, hold: true });
    let memory = 0;
    let open: string[] = [];
    const { exit, stdout } = await hear(attachment, (heard) => {
      if (memory === 0 && heard.stdout.endsWith('\n100000\n')) {
        const { monitorPid } = answer;
        memory = privateMemory(monitorPid);
        const fds = `/proc/${monitorPid}/fd`;
        open = readdirSync(fds)
          .map((fd) =>
            readlinkSync(path.join(fds, fd))
              .replace(/:\[\d+\]$/, '')
              .replace(folder, ''),
          )
          .sort();
        if (terminal) void attachment.input(Buffer.from('\n'));
        else void attachment.signal(9);
      }
      return false;
    });
    assert.equal(stdout.indexOf('\n100000\n'), 588_887);
    assert.ok(memory > 0 && memory <= 300, `${memory} KiB of private memory`);
    assert.deepEqual(
      open,
      [
        '/',
        ...Array(3).fill('/dev/null'),
        ...(terminal ? ['/dev/pts/ptmx'] : ['pipe', 'pipe']),
        '/monitor',
        '/monitor/exit.json.tmp',
        '/monitor/output',
        'anon_inode:[pidfd]',
        'socket',
        'socket',
      ].sort(),
    );
    assert.deepEqual([exit?.exitCode, exit?.signal], terminal ? [3, 0] : [137, 9]);
  });
}

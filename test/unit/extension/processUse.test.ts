import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProcessUse } from '../../../extension/containers/processUse.js';
import type { ProcessInfo } from '../../../helper/protocol/index.js';

const process = (pid: number, cpuMicroseconds: number, startTime = 1): ProcessInfo => ({
  identity: { pid, startTime },
  ...{ innerPid: 1, parentPid: 0, hostUid: 0, uid: 0, command: 'x', state: 'R', threads: 1, rssBytes: 0 },
  cpuMicroseconds,
});

describe('CPU of processes', () => {
  it('is what was used between the two latest readings', () => {
    const use = new ProcessUse();
    use.take('a', [process(5, 1_000_000)], 10_000);
    assert.equal(use.cores('a', process(5, 0)), undefined);
    use.take('a', [process(5, 1_500_000), process(6, 9)], 11_000);
    assert.equal(use.cores('a', process(5, 0)), 0.5);
    assert.equal(use.cores('a', process(6, 0)), undefined);
    use.take('a', [process(5, 1_500_000)], 13_000);
    assert.equal(use.cores('a', process(5, 0)), 0);
  });

  it('is of one process, not of another with its pid, and of one container', () => {
    const use = new ProcessUse();
    use.take('a', [process(5, 1_000_000)], 10_000);
    use.take('a', [process(5, 10, 2)], 11_000);
    assert.equal(use.cores('a', process(5, 0, 2)), undefined);
    assert.equal(use.cores('b', process(5, 0)), undefined);
  });

  it('begins anew when nobody looked for a while', () => {
    const use = new ProcessUse();
    use.take('a', [process(5, 0)], 0);
    use.forget('a');
    use.take('a', [process(5, 1_000_000)], 1000);
    assert.equal(use.cores('a', process(5, 0)), undefined);
  });
});

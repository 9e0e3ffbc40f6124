import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DrawnSamples } from '../../../extension/containers/drawnSamples.js';
import type { Presentation } from '../../../extension/views/presentation.js';

const line = (description: string, tooltip = ''): Presentation => ({
  label: 'web',
  description,
  tooltip,
  icon: { id: 'play' },
  contextValue: 'container.running',
  accessibleLabel: 'Container web',
});

describe('what is drawn of samples', () => {
  it('differs only by what is seen', () => {
    const drawn = new DrawnSamples();
    const stats = { container: 'a', pids: 2, memoryBytes: 1000, oomKills: 0 };
    assert.equal(drawn.note('a', line('1 KiB', 'up for 1 s'), stats).line, true, 'the first one is drawn');
    const none = { line: false, use: false, processes: false, kills: false };
    assert.deepEqual(drawn.note('a', line('1 KiB', 'up for 2 s'), stats), none, 'a tooltip is made when it is shown');
    assert.deepEqual(drawn.note('a', line('1 KiB'), { ...stats, memoryBytes: 1001 }), { ...none, use: true });
    assert.deepEqual(drawn.note('a', line('2 KiB'), { ...stats, memoryBytes: 1001, oomKills: 1 }), {
      ...none,
      line: true,
      kills: true,
    });
    const grown = { ...stats, memoryBytes: 1001, oomKills: 1, pids: 3 };
    assert.deepEqual(drawn.note('a', line('2 KiB'), grown), { ...none, use: true, processes: true });
  });

  it('is of one container, and forgotten with it', () => {
    const drawn = new DrawnSamples();
    drawn.note('a', line('1'), undefined);
    assert.equal(drawn.note('b', line('1'), undefined).line, true);
    drawn.forget('a');
    assert.equal(drawn.note('a', line('1'), undefined).line, true);
  });
});

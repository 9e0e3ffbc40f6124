import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adviseOnLimit } from '../../../extension/limits/advice.js';

const machine = { cores: 2, memoryBytes: 4 * 1024 ** 3 };

describe('adviseOnLimit', () => {
  it('warns before memory is set below what is in use', () => {
    const advice = adviseOnLimit('memory.max', 50_000_000, 80 * 1024 ** 2, machine);
    assert.equal(advice?.severity, 'warning');
    assert.match(advice?.text ?? '', /80 MiB in use.*kills/);
  });

  it('says of each limit what being below use does', () => {
    assert.match(adviseOnLimit('memory.swap.max', 0, 4096, machine)?.text ?? '', /swapped out/);
    assert.match(adviseOnLimit('cpu.max', 0.1, 0.8, machine)?.text ?? '', /slowed down/);
    assert.match(adviseOnLimit('pids.max', 2, 5, machine)?.text ?? '', /none can start another/);
  });

  it('is silent at or above use, without a reading, and for no limit', () => {
    assert.equal(adviseOnLimit('memory.max', 4096, 4096, machine), undefined);
    assert.equal(adviseOnLimit('memory.max', 4096, undefined, machine), undefined);
    assert.equal(adviseOnLimit('memory.max', 'max', 80 * 1024 ** 2, machine), undefined);
    assert.equal(adviseOnLimit('cpu.weight', 1, 500, machine), undefined);
  });

  it('tells of a limit that this machine never reaches', () => {
    assert.match(adviseOnLimit('cpu.max', 3, 0.1, machine)?.text ?? '', /2 cores: never reached/);
    assert.match(adviseOnLimit('memory.max', 8 * 1024 ** 3, 0, machine)?.text ?? '', /4 GiB: never reached/);
    assert.equal(adviseOnLimit('cpu.max', 2, 0.1, machine), undefined);
  });
});

import { setImmediate } from 'node:timers/promises';
import { cancelled } from '../image/failure.js';

/** Steps of work between two chances for a cancel to arrive. */
const stepsPerTurn = 256;

/** Lets others run now and then during long work that is synchronous otherwise, and stops it when it is cancelled. */
export class Pace {
  private steps = 0;

  constructor(private readonly signal?: AbortSignal) {}

  /** @throws what a cancelled request is answered with. */
  async step(weight = 1): Promise<void> {
    this.steps += weight;
    if (this.steps < stepsPerTurn) return;
    this.steps = 0;
    await setImmediate();
    if (this.signal?.aborted) throw cancelled();
  }
}

import type { ContainerStats } from '../../helper/protocol/index.js';
import type { Presentation } from '../views/presentation.js';
import { useOf } from './limitText.js';

/** What of a container is seen to differ since its last sample. */
export interface SampleDifference {
  /** Its line. */
  line: boolean;
  /** The use of its limits. */
  use: boolean;
  /** How many processes it has. */
  processes: boolean;
  /** How many were killed for memory. */
  kills: boolean;
}

/**
 * What the last sample made of each container. While the editor reads what is below an item again, a menu that is open on
 * it leads nowhere: only what is seen to differ is to be drawn anew.
 */
export class DrawnSamples {
  private readonly known = new Map<string, Record<keyof SampleDifference, string>>();

  /** Notes a sample, and how the container's line looks with it. */
  note(id: string, line: Presentation, stats: ContainerStats | undefined): SampleDifference {
    // Tooltips, which tell the most fleeting numbers, are made when they are asked for.
    const { tooltip: _, ...seen } = line;
    const before = this.known.get(id);
    const now = {
      line: JSON.stringify(seen),
      use: JSON.stringify(useOf(stats)),
      processes: String(stats?.pids),
      kills: String(stats?.oomKills),
    };
    this.known.set(id, now);
    const differs = (what: keyof SampleDifference): boolean => before?.[what] !== now[what];
    return { line: differs('line'), use: differs('use'), processes: differs('processes'), kills: differs('kills') };
  }

  forget(id: string): void {
    this.known.delete(id);
  }
}

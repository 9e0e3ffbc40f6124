import { type TrailField, trailFields, type Use } from './columns.js';
import type { MessageToPage, Trails as TrailsMessage } from './messages.js';

/** The key of the machine's own row. */
export const machineKey = 'machine';

/** Every row of a message with the key of its trails. */
export function usesOf({ rows, all, machine }: Extract<MessageToPage, { type: 'rows' }>): { key: string; use: Use }[] {
  return [
    ...rows.map((row) => ({ key: row.key, use: row })),
    { key: all.key, use: all },
    { key: machineKey, use: machine },
  ];
}

/** Seconds that are kept. */
export const trailLength = 60;

type Trail = (number | null)[];

/** The last minute of each number of each row. Kept by the extension for pages to come, and by the page to draw. */
export class TrailBook {
  private readonly byKey = new Map<string, Map<TrailField, Trail>>();

  /** Adds one second of all rows; what is not among them any more is forgotten. */
  add(rows: readonly { key: string; use: Use }[]): void {
    const keys = new Set(rows.map(({ key }) => key));
    for (const key of [...this.byKey.keys()]) if (!keys.has(key)) this.byKey.delete(key);
    for (const { key, use } of rows) for (const field of trailFields) this.push(key, field, use[field] ?? null);
  }

  /** Time has gone by in which nobody looked. */
  addGap(): void {
    for (const [key, fields] of this.byKey) for (const field of fields.keys()) this.push(key, field, null);
  }

  of(key: string, field: TrailField): readonly (number | null)[] {
    return this.byKey.get(key)?.get(field) ?? [];
  }

  /** All of it, for a message. */
  toMessage(): TrailsMessage {
    return Object.fromEntries([...this.byKey].map(([key, fields]) => [key, Object.fromEntries(fields)]));
  }

  /** Takes what another book gave away, in place of what is here. */
  take(trails: TrailsMessage): void {
    this.byKey.clear();
    for (const [key, fields] of Object.entries(trails)) {
      const known = trailFields.flatMap((field): [TrailField, Trail][] => {
        const trail = fields[field];
        return trail === undefined ? [] : [[field, trail.slice(-trailLength)]];
      });
      this.byKey.set(key, new Map(known));
    }
  }

  private push(key: string, field: TrailField, value: number | null): void {
    const fields = this.byKey.get(key) ?? new Map<TrailField, Trail>();
    this.byKey.set(key, fields);
    const trail = fields.get(field) ?? [];
    fields.set(field, trail);
    trail.push(value);
    if (trail.length > trailLength) trail.shift();
  }
}

/** How far above the highest value the upper edge is where there is no limit: a steady number is not a full cell. */
const headroom = 1.5;

/**
 * The trail as the `d` of an SVG path: areas over the bottom line, newest at the right edge, with gaps where nobody looked.
 * Empty when there is nothing to draw.
 * @param top  what the upper edge stands for; above the highest value where there is none or it is exceeded
 */
export function trailPath(
  trail: readonly (number | null)[],
  top: number | undefined,
  { width, height }: { width: number; height: number },
): string {
  const highest = Math.max(0, ...trail.map((value) => value ?? 0));
  const scale = Math.max(top ?? highest * headroom, highest);
  if (scale === 0) return '';
  const step = width / (trailLength - 1);
  const at = (index: number): number => round(width - (trail.length - 1 - index) * step);
  let path = '';
  let begin: number | undefined;
  for (let index = 0; index <= trail.length; index++) {
    const value = trail[index] ?? null;
    if (value !== null) {
      const y = round(height - (value / scale) * height);
      path += begin === undefined ? `M${at(index)} ${height}V${y}` : `L${at(index)} ${y}`;
      begin ??= index;
    } else if (begin !== undefined) {
      path += `V${height}Z`;
      begin = undefined;
    }
  }
  return path;
}

const round = (number: number): number => Math.round(number * 10) / 10;

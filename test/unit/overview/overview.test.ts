import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columns, knownColumns, sortBy, sortRows } from '../../../extension/overview/columns.js';
import { overviewPage } from '../../../extension/overview/html.js';
import { messageFromPage, messageToPage, type OverviewRow } from '../../../extension/overview/messages.js';
import { boundsOf, makeRows, makeTotal, type OverviewState } from '../../../extension/overview/rows.js';
import { TrailBook, trailLength, trailPath } from '../../../extension/overview/trails.js';
import type { ContainerStats, ContainerSummary, DetailedStats } from '../../../helper/protocol/index.js';

const summary = (id: string, more: Partial<ContainerSummary> = {}): ContainerSummary => ({
  id,
  name: `name-${id}`,
  state: 'running',
  root: { kind: 'host' },
  createdAt: '',
  args: [],
  terminal: false,
  remove: false,
  ...more,
});
const state = (
  containers: ContainerSummary[],
  stats: Record<string, Partial<ContainerStats>> = {},
  more: Partial<OverviewState> = {},
): OverviewState => ({
  containers,
  groups: [],
  stats: (id) => (stats[id] === undefined ? undefined : { container: id, ...stats[id] }),
  details: new Map(),
  limits: new Map(),
  ...more,
});
const row = (name: string, more: Partial<OverviewRow> = {}): OverviewRow => ({
  key: `container:${name}`,
  kind: 'container',
  name,
  paused: false,
  ...more,
});
const names = (rows: readonly OverviewRow[]): string[] => rows.map(({ name }) => name);
const text = (column: string, use: Partial<OverviewRow>): string | undefined =>
  columns.find(({ id }) => id === column)?.text(use);

describe('rows of the overview', () => {
  it('are the containers that run, with what is known of them', () => {
    const rows = makeRows(
      state([summary('a'), summary('b', { state: 'stopped' }), summary('c', { state: 'paused' })], {
        a: { cpu: 0.5, cpuMax: 1, memoryBytes: 10, memoryMax: 'max', memoryEffective: 100, pids: 2, pidsMax: 'max' },
      }),
    );
    assert.deepEqual(rows, [
      row('name-a', { key: 'container:a', cpu: 0.5, cpuMax: 1, memory: 10, memoryMax: 100, pids: 2 }),
      row('name-c', { key: 'container:c', paused: true }),
    ]);
  });

  it('are groups too, by what the kernel counts of the group, else summed', () => {
    const both = state(
      [summary('a'), summary('b')],
      { a: { memoryBytes: 10, pids: 1, oomKills: 1 }, b: { memoryBytes: 5, pids: 2, oomKills: 2 } },
      {
        groups: [
          { name: 'lab', containers: ['a', 'b'] },
          { name: 'gone', containers: ['x'] },
        ],
      },
    );
    const group = makeRows(both).find(({ kind }) => kind === 'group');
    assert.deepEqual([group?.key, group?.memory, group?.pids, group?.oomKills], ['group:lab', 15, 3, 3]);
    assert.equal(makeRows(both).filter(({ kind }) => kind === 'group').length, 1);
    const details: DetailedStats = { target: { group: 'lab' }, at: '', memory: { bytes: 40, events: {} } };
    const counted = makeRows({ ...both, details: new Map([['group:lab', details]]) });
    assert.equal(counted.find(({ kind }) => kind === 'group')?.memory, 40);
    assert.equal(makeTotal(both).memory, 15);
  });

  it('of groups have the limits that are in force, also those from above', () => {
    const bounds = boundsOf({
      target: { group: 'lab' },
      title: 'lab',
      mode: 'v2',
      live: true,
      readings: [
        { name: 'memory.max', value: 'max', effective: { value: '100', path: '/' }, files: [], writable: true },
        { name: 'cpu.max', value: '50000 100000', files: [], writable: true },
        { name: 'pids.max', value: 'max', files: [], writable: true },
      ],
      devices: [],
      events: { oomKills: 0, pidsRefused: 0, throttledMicroseconds: 0 },
    });
    assert.deepEqual(bounds, { memoryMax: 100, cpuMax: 0.5 });
    const all = makeTotal(state([summary('a')], {}, { limits: new Map([['group:/', bounds]]) }));
    assert.deepEqual([all.memoryMax, all.cpuMax], [100, 0.5]);
  });

  it('of nothing known have no numbers rather than zeros', () => {
    assert.deepEqual(makeTotal(state([])), row('/', { key: 'group:/', kind: 'group' }));
  });
});

describe('cells', () => {
  it('say what is used, and how much of the limit that is', () => {
    assert.equal(text('cpu', { cpu: 0.123 }), '12.3 %');
    assert.equal(text('cpuShare', { cpu: 0.125, cpuMax: 0.5 }), '25 % of 0.5');
    assert.equal(text('memoryShare', { memory: 2 ** 20, memoryMax: 2 ** 22 }), '25 % of 4 MiB');
    assert.equal(text('pids', { pids: 3, pidsMax: 20 }), '3 of 20');
    assert.equal(text('read', { read: 0.2 }), '0');
    assert.equal(text('written', { written: 2048 }), '2 KiB/s');
    assert.equal(text('pressure', { pressure: { cpu: 3, memory: 12.4, io: 0 } }), 'memory 12 %');
  });

  it('say so when nothing is known or limited', () => {
    for (const { text: of } of columns) assert.equal(of({}), '–');
    assert.equal(text('memoryShare', { memory: 5 }), '–');
  });

  it('warn near a limit', () => {
    const high = (column: string, use: Partial<OverviewRow>) => columns.find(({ id }) => id === column)?.high?.(use);
    assert.deepEqual(
      [high('memoryShare', { memory: 95, memoryMax: 100 }), high('memoryShare', { memory: 95 })],
      [true, false],
    );
    assert.equal(high('oomKills', { oomKills: 0 }), false);
  });

  it('stand in columns of which something is known', () => {
    assert.deepEqual(
      knownColumns([{}]).map(({ id }) => id),
      ['cpu', 'memory', 'pids'],
    );
    assert.deepEqual(knownColumns([{ oomKills: 0 }]).at(-1)?.id, 'oomKills');
  });
});

describe('sorting', () => {
  const rows = [row('b', { memory: 5 }), row('a10'), row('a2', { memory: 5 }), row('c', { memory: 9 })];

  it('puts the most first, then equal ones by name, then those without a number', () => {
    assert.deepEqual(names(sortRows(rows, { column: 'memory', descending: true })), ['c', 'a2', 'b', 'a10']);
    assert.deepEqual(names(sortRows(rows, { column: 'memory', descending: false })), ['a2', 'b', 'c', 'a10']);
    assert.deepEqual(names(sortRows(rows, { column: 'name', descending: false })), ['a2', 'a10', 'b', 'c']);
  });

  it('turns round when asked again; an unknown column is the name', () => {
    assert.deepEqual(sortBy('cpu', { column: 'name', descending: false }), { column: 'cpu', descending: true });
    assert.deepEqual(sortBy('cpu', { column: 'cpu', descending: true }), { column: 'cpu', descending: false });
    assert.deepEqual(names(sortRows(rows, { column: '__proto__', descending: false })), ['a2', 'a10', 'b', 'c']);
  });
});

describe('trails', () => {
  const size = { width: 59, height: 10 };

  it('are a minute long, and forgotten with their row', () => {
    const book = new TrailBook();
    for (let i = 0; i <= trailLength; i++) book.add([{ key: 'a', use: { cpu: i } }]);
    assert.equal(book.of('a', 'cpu').length, trailLength);
    assert.equal(book.of('a', 'cpu').at(-1), trailLength);
    book.add([]);
    assert.deepEqual(book.of('a', 'cpu'), []);
  });

  it('go from the extension to a page', () => {
    const book = new TrailBook();
    book.add([{ key: 'a', use: { cpu: 1 } }]);
    book.addGap();
    const message = { type: 'trails', trails: book.toMessage() };
    const page = new TrailBook();
    const parsed = messageToPage.parse(JSON.parse(JSON.stringify(message)));
    assert.ok(parsed.type === 'trails');
    page.take(parsed.trails);
    assert.deepEqual(page.of('a', 'cpu'), [1, null]);
  });

  it('are drawn against the limit, newest at the right, with gaps', () => {
    assert.equal(trailPath([5], 10, size), 'M59 10V5V10Z');
    assert.equal(trailPath([5, 10], 10, size), 'M58 10V5L59 0V10Z');
    assert.equal(trailPath([20, null, 10], 10, size), 'M57 10V0V10ZM59 10V5V10Z');
    assert.equal(trailPath([0, 0], undefined, size), '');
    assert.equal(trailPath([], 10, size), '');
  });
});

describe('messages of the overview', () => {
  it('that are none of the page’s are refused', () => {
    assert.equal(messageFromPage.safeParse({ type: 'act', action: 'limits', key: 'container:a' }).success, true);
    for (const message of [undefined, 'ready', { type: 'act', action: 'remove', key: 'a' }, { type: 'act' }]) {
      assert.equal(messageFromPage.safeParse(message).success, false);
    }
  });

  it('have a page that loads nothing from elsewhere and runs no script but its own', () => {
    const page = overviewPage({ script: 'S', style: 'C', source: 'vscode-resource:', nonce: 'N' });
    assert.match(page, /default-src 'none'; script-src 'nonce-N'; style-src vscode-resource:;/);
    assert.doesNotMatch(page, / style=|unsafe/);
  });
});

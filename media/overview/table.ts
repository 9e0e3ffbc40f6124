import { type Column, knownColumns, type Sorting, sortBy, sortRows } from '../../extension/overview/columns.js';
import type { Action, MessageToPage, OverviewRow } from '../../extension/overview/messages.js';
import { machineKey, type TrailBook, usesOf } from '../../extension/overview/trails.js';
import { allContainers } from '../../helper/protocol/limits.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { element, make, setAttribute } from './dom.js';
import { Row, type RowLook } from './row.js';

type Shown = Extract<MessageToPage, { type: 'rows' }>;

export interface TableEvents {
  sorted(sorting: Sorting): void;
  act(action: Action, key: string): void;
}

/** The table: rows in order, one of which has the focus; header buttons that sort. */
export class Table {
  private readonly header = element('header', HTMLTableRowElement);
  private readonly body = element('rows', HTMLTableSectionElement);
  private readonly totals = element('totals', HTMLTableSectionElement);
  private readonly rows = new Map<string, Row>();
  private columns: readonly Column[] = [];
  private activeKey = '';

  constructor(
    private sorting: Sorting,
    private readonly trails: TrailBook,
    private readonly events: TableEvents,
  ) {
    const table = element('table', HTMLTableElement);
    table.addEventListener('keydown', (event) => this.pressed(event));
    table.addEventListener('focusin', (event) => {
      const key = rowAround(event.target)?.dataset.key;
      if (key !== undefined) this.activate(key);
    });
    table.addEventListener('dblclick', (event) => {
      const key = rowAround(event.target)?.dataset.key;
      if (key !== undefined && key !== machineKey) events.act('limits', key);
    });
  }

  draw(shown: Shown): void {
    const focused = document.activeElement;
    const focusedKey = rowAround(focused)?.dataset.key;
    this.useColumns(knownColumns(usesOf(shown).map(({ use }) => use)));
    const sorted = sortRows(shown.rows, this.sorting);
    this.place(
      this.body,
      sorted.map((row) => this.drawn(row.key, lookOf(row))),
    );
    this.place(this.totals, [
      this.drawn(shown.all.key, {
        title: 'All containers',
        note: `${shown.rows.filter(({ kind }) => kind === 'container').length} running`,
        actions: ['limits'],
        use: shown.all,
      }),
      this.drawn(machineKey, {
        title: 'This machine',
        note: `${shown.machine.cores} ${shown.machine.cores === 1 ? 'core' : 'cores'}, ${formatBytes(shown.machine.memoryBytes)}`,
        actions: [],
        use: shown.machine,
      }),
    ]);
    this.forgetMissing();
    // Moving an element takes the focus from it, and other columns make other rows.
    const goal = focused?.isConnected ? focused : this.rows.get(focusedKey ?? '')?.element;
    if (goal instanceof HTMLElement && focusedKey !== undefined && document.activeElement !== goal) goal.focus();
    if (!this.rows.has(this.activeKey)) this.activate(sorted[0]?.key ?? shown.all.key);
  }

  private useColumns(columns: readonly Column[]): void {
    if (columns.length === this.columns.length && columns.every(({ id }, at) => this.columns[at]?.id === id)) return;
    this.columns = columns;
    this.rows.clear();
    this.body.replaceChildren();
    this.totals.replaceChildren();
    const headers = [{ id: 'name', title: 'Name' }, ...columns].map((column) => {
      const button = make('button', { type: 'button' }, column.title);
      const spoken = 'spoken' in column ? column.spoken : undefined;
      if (spoken !== undefined) {
        button.setAttribute('aria-label', spoken);
        button.title = spoken;
      }
      button.addEventListener('click', () => {
        this.sorting = sortBy(column.id, this.sorting);
        this.drawSorting();
        this.events.sorted(this.sorting);
      });
      return make('th', { scope: 'col', role: 'columnheader', 'data-column': column.id }, button);
    });
    const actions = make('th', { scope: 'col', role: 'columnheader', class: 'actions' }, make('span', {}, 'Actions'));
    this.header.replaceChildren(...headers, actions);
    this.drawSorting();
  }

  private drawSorting(): void {
    const { column, descending } = this.sorting;
    for (const header of this.header.children) {
      if (!(header instanceof HTMLElement) || header.dataset.column === undefined) continue;
      const sorted = descending ? 'descending' : 'ascending';
      setAttribute(header, 'aria-sort', header.dataset.column === column ? sorted : 'none');
    }
  }

  private drawn(key: string, look: RowLook): Row {
    const row = this.rows.get(key) ?? new Row(key, this.columns, this.events.act);
    this.rows.set(key, row);
    row.draw(look, this.trails);
    row.setActive(key === this.activeKey);
    return row;
  }

  /** Puts rows in order, moving only those that are not in their place. */
  private place(section: HTMLTableSectionElement, rows: readonly Row[]): void {
    rows.forEach(({ element: wanted }, index) => {
      const present = section.rows[index];
      if (present !== wanted) section.insertBefore(wanted, present ?? null);
    });
    while (section.rows.length > rows.length) section.deleteRow(-1);
  }

  private forgetMissing(): void {
    for (const [key, row] of this.rows) if (!row.element.isConnected) this.rows.delete(key);
  }

  private activate(key: string): void {
    if (key === this.activeKey) return;
    this.rows.get(this.activeKey)?.setActive(false);
    this.activeKey = key;
    this.rows.get(key)?.setActive(true);
  }

  private pressed(event: KeyboardEvent): void {
    const row = rowAround(event.target);
    const key = row?.dataset.key;
    if (row === undefined || key === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === 'Enter' && event.target === row) {
      event.preventDefault();
      if (key !== machineKey) this.events.act('limits', key);
      return;
    }
    const all = [...this.body.rows, ...this.totals.rows];
    const at = all.indexOf(row);
    const page = 10;
    const goal: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: all.length - 1,
    };
    const next = goal[event.key];
    if (next === undefined) return;
    event.preventDefault();
    all[Math.max(0, Math.min(all.length - 1, next))]?.focus();
  }
}

function rowAround(target: EventTarget | null): HTMLTableRowElement | undefined {
  const row = target instanceof Element ? target.closest('tr[data-key]') : null;
  return row instanceof HTMLTableRowElement ? row : undefined;
}

function lookOf(row: OverviewRow): RowLook {
  if (row.kind === 'container') {
    return {
      title: row.name,
      note: row.paused ? 'paused' : '',
      actions: row.paused ? ['limits', 'stop'] : ['limits', 'terminal', 'stop'],
      use: row,
    };
  }
  return {
    title: row.name === allContainers ? 'All containers' : row.name,
    note: 'group',
    actions: ['limits'],
    use: row,
  };
}

import type { Column, Use } from '../../extension/overview/columns.js';
import type { Action } from '../../extension/overview/messages.js';
import { type TrailBook, trailPath } from '../../extension/overview/trails.js';
import { make, picture, setAttribute, setText } from './dom.js';

/** Sizes of the picture behind a cell, in units of its own: it is stretched to the cell. */
const trailSize = { width: 120, height: 24 };

/** What can be done with a row, in the order of its buttons. Pictures in a square of 16. */
const actions: Readonly<Record<Action, { title: string; picture: string }>> = {
  limits: { title: 'Edit limits', picture: 'M2 4h7M12 4h2M9 2h3v4H9zM2 11h2M7 11h7M4 9h3v4H4z' },
  terminal: { title: 'Open terminal', picture: 'M1.5 2.5h13v11h-13zM4 5.5l2.5 2.5L4 10.5M8 11h4' },
  stop: { title: 'Stop', picture: 'M4 4h8v8H4z' },
};

export interface RowLook {
  title: string;
  /** Beside the title: what it is, or its state. */
  note: string;
  actions: readonly Action[];
  use: Use;
}

/** One row of the table, with a cell for each column that is shown. It decides nothing. */
export class Row {
  readonly element: HTMLTableRowElement;
  private readonly title = make('span', { class: 'title' });
  private readonly note = make('span', { class: 'note' });
  private readonly buttons: HTMLElement;
  private readonly cells: { cell: HTMLTableCellElement; text: HTMLElement; path: SVGPathElement | undefined }[];
  private shownActions = '';
  private active = false;

  constructor(
    readonly key: string,
    private readonly columns: readonly Column[],
    private readonly act: (action: Action, key: string) => void,
  ) {
    this.element = make('tr', { role: 'row', tabindex: '-1', 'data-key': key });
    const head = make('th', { scope: 'row', role: 'rowheader' }, this.title, this.note);
    this.cells = columns.map((column) => {
      const text = make('span');
      const drawn = column.trail && picture(`0 0 ${trailSize.width} ${trailSize.height}`, 'trail');
      drawn?.svg.setAttribute('preserveAspectRatio', 'none');
      const cell = make(
        'td',
        { role: 'gridcell', 'data-title': column.card ?? column.title },
        ...(drawn ? [drawn.svg] : []),
        text,
      );
      return { cell, text, path: drawn?.path };
    });
    this.buttons = make('td', { role: 'gridcell', class: 'actions' });
    this.element.append(head, ...this.cells.map(({ cell }) => cell), this.buttons);
  }

  draw(look: RowLook, trails: TrailBook): void {
    setText(this.title, look.title);
    setText(this.note, look.note);
    this.columns.forEach((column, index) => {
      const { cell, text, path } = this.cells[index] ?? {};
      if (cell === undefined || text === undefined) return;
      setText(text, column.text(look.use));
      setAttribute(cell, 'data-high', column.high?.(look.use) ? 'true' : undefined);
      if (path === undefined || column.trail === undefined) return;
      const { field, top } = column.trail;
      setAttribute(path, 'd', trailPath(trails.of(this.key, field), top(look.use), trailSize));
    });
    this.drawActions(look);
  }

  /** Whether this is the row that the Tab key goes to, with its buttons. */
  setActive(active: boolean): void {
    this.active = active;
    setAttribute(this.element, 'tabindex', active ? '0' : '-1');
    for (const button of this.buttons.children) setAttribute(button, 'tabindex', active ? '0' : '-1');
  }

  private drawActions({ title, actions: wanted }: RowLook): void {
    const shown = JSON.stringify([title, wanted]);
    if (shown === this.shownActions) return;
    this.shownActions = shown;
    this.buttons.replaceChildren(
      ...wanted.map((action) => {
        const { title: what, picture: d } = actions[action];
        const name =
          action === 'limits' ? `Edit limits of ${title}` : `${what}${action === 'stop' ? '' : ' in'} ${title}`;
        const button = make('button', { type: 'button', title: what, 'aria-label': name, 'data-action': action });
        button.append(picture('0 0 16 16', 'icon', d).svg);
        button.addEventListener('click', () => this.act(action, this.key));
        return button;
      }),
    );
    this.setActive(this.active);
  }
}

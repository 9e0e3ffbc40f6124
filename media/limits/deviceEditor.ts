import type { VscodeTextfield } from '@vscode-elements/elements/dist/vscode-textfield/index.js';
import type { ShownReport } from '../../extension/limits/messages.js';
import { formatRate, ioMaxKeys, parseIoMax, parseIoWeight } from '../../helper/protocol/ioNotation.js';
import { make, makeButton } from './dom.js';
import { describeInner, type EditorState, type MakeEditor, type ValueEditor } from './editors.js';

/** What of a device can be set, and how it is written. */
interface Column {
  key: string;
  label: string;
  placeholder: string;
}

interface Row {
  device: string;
  /** By the key of a column, as typed. */
  texts: Record<string, string>;
}

/** How rows become the text of a knob and come from it. */
interface RowNotation {
  columns: readonly Column[];
  /** A field for all devices that have no row. */
  common?: { label: string; placeholder: string };
  read(text: string): { common: string; rows: Row[] } | undefined;
  write(common: string, rows: readonly Row[]): string;
}

const rateLabels = {
  rbps: 'Read per s',
  wbps: 'Written per s',
  riops: 'Reads per s',
  wiops: 'Writes per s',
};

const ioMax: RowNotation = {
  columns: ioMaxKeys.map((key) => ({
    key,
    label: rateLabels[key],
    placeholder: key.endsWith('bps') ? '10 MB/s' : '100',
  })),
  read: (text) => {
    const parsed = parseIoMax(text);
    if (!parsed.ok) return undefined;
    const rows = parsed.value.map(({ device, limits }) => ({
      device,
      texts: Object.fromEntries(
        ioMaxKeys.flatMap((key) => {
          const rate = limits[key];
          return rate === undefined ? [] : [[key, formatRate(key, rate)]];
        }),
      ),
    }));
    return { common: '', rows };
  },
  write: (_common, rows) =>
    rows
      .map(({ device, texts }) => {
        const limits = ioMaxKeys.flatMap((key) => (texts[key] ? [`${key}=${texts[key]}`] : []));
        return `${device} ${limits.length === 0 ? 'max' : limits.join(' ')}`;
      })
      .join('; '),
};

const ioWeight: RowNotation = {
  columns: [{ key: 'weight', label: 'Weight', placeholder: '100' }],
  common: { label: 'All other devices', placeholder: '100' },
  read: (text) => {
    // What is not known is not shown as the default.
    if (text === '') return { common: '', rows: [] };
    const parsed = parseIoWeight(text);
    if (!parsed.ok) return undefined;
    const { default: common, devices } = parsed.value;
    return {
      common: String(common),
      rows: devices.map(({ device, weight }) => ({ device, texts: { weight: String(weight) } })),
    };
  },
  write: (common, rows) =>
    [common || '100', ...rows.map(({ device, texts }) => `${device} ${texts.weight || 'default'}`)].join('; '),
};

/** A row for each device that has limits, with fields; devices are chosen from the machine's by name. */
export function deviceEditor(kind: 'ioMax' | 'ioWeight', devices: () => ShownReport['devices']): MakeEditor {
  return (knob, id, edited) => new DeviceRows(id, knob.title, kind === 'ioMax' ? ioMax : ioWeight, devices, edited);
}

class DeviceRows implements ValueEditor {
  readonly element: HTMLElement;
  private readonly list = make('div', { className: 'devices' });
  private readonly choice = make('select', { className: 'device-choice' });
  private readonly add: ReturnType<typeof makeButton>;
  private common = '';
  private rows: Row[] = [];
  /** What the rows mean as they stand; another text from outside makes them anew. */
  private text: string | undefined;
  private inputs: VscodeTextfield[] = [];
  private drawnDevices = '';

  constructor(
    id: string,
    private readonly title: string,
    private readonly notation: RowNotation,
    private readonly devices: () => ShownReport['devices'],
    private readonly edited: (text: string) => void,
  ) {
    this.choice.setAttribute('aria-label', `Device to limit: ${title}`);
    this.add = makeButton('Add Device', `Add the chosen device: ${title}`, () => this.addRow());
    const adding = make('div', { className: 'row' }, this.choice, this.add);
    this.element = make('div', { id }, this.list, adding);
    this.element.setAttribute('role', 'group');
    this.element.setAttribute('aria-label', title);
  }

  draw(state: EditorState): void {
    if (state.text !== this.text) {
      const read = this.notation.read(state.text);
      // What cannot be read as rows came from these very rows: they stay as they were typed.
      if (read !== undefined) {
        this.text = state.text;
        this.common = read.common;
        this.rows = read.rows;
        this.rebuild();
      }
    }
    this.drawChoice();
    const disabled = state.disabled || state.readonly;
    for (const input of this.inputs) {
      input.disabled = state.disabled;
      input.readonly = state.readonly;
      input.invalid = state.invalid;
      describeInner(input, state);
    }
    this.choice.disabled = disabled || this.choice.options.length === 0;
    this.add.disabled = this.choice.disabled;
    for (const remove of this.list.querySelectorAll('vscode-button')) remove.disabled = disabled;
  }

  focus(): void {
    const [first] = this.inputs;
    if (first === undefined) this.choice.focus();
    else void first.updateComplete.then(() => first.wrappedElement.focus());
  }

  private tell(): void {
    this.text = this.notation.write(this.common, this.rows);
    this.edited(this.text);
  }

  /** Makes the rows anew; the cursor stays in its field, as far as that is there again. */
  private rebuild(): void {
    const focused = this.inputs.find((input) => input === document.activeElement)?.label;
    this.build();
    const again = this.inputs.find(({ label }) => label === focused);
    if (again !== undefined) void again.updateComplete.then(() => again.wrappedElement.focus());
  }

  private build(): void {
    this.inputs = [];
    this.list.replaceChildren();
    const { common } = this.notation;
    if (common !== undefined) {
      const input = this.input(`${this.title}: ${common.label}`, common.placeholder, this.common, (text) => {
        this.common = text;
      });
      this.list.append(
        make('div', { className: 'device' }, make('span', { className: 'device-name' }, common.label), input),
      );
    }
    for (const row of this.rows) this.list.append(this.buildRow(row));
  }

  private buildRow(row: Row): HTMLElement {
    const name = this.nameOf(row.device);
    const cells = this.notation.columns.map(({ key, label, placeholder }) => {
      const input = this.input(`${label} of ${name}`, placeholder, row.texts[key] ?? '', (text) => {
        row.texts[key] = text;
      });
      const shown = this.notation.columns.length === 1 ? [] : [make('span', { className: 'column-label' }, label)];
      for (const one of shown) one.setAttribute('aria-hidden', 'true');
      return make('div', { className: 'cell' }, ...shown, input);
    });
    const remove = makeButton('Remove', `Remove the limits of ${name}`, () => {
      this.rows = this.rows.filter((one) => one !== row);
      this.build();
      this.tell();
      this.focus();
    });
    const title = make('span', { className: 'device-name' }, name);
    return make('div', { className: 'device' }, title, make('div', { className: 'cells' }, ...cells), remove);
  }

  private input(name: string, placeholder: string, value: string, keep: (text: string) => void): VscodeTextfield {
    const input = make('vscode-textfield', { label: name, placeholder, value });
    input.addEventListener('input', () => {
      // These part rows and limits from each other.
      keep(input.value.replace(/[;=\n]/g, '').trim());
      this.tell();
    });
    this.inputs.push(input);
    return input;
  }

  private addRow(): void {
    const device = this.choice.value;
    if (device === '' || this.rows.some((row) => row.device === device)) return;
    this.rows = [...this.rows, { device, texts: {} }];
    this.build();
    this.tell();
    const first = this.inputs.at(-this.notation.columns.length);
    if (first !== undefined) void first.updateComplete.then(() => first.wrappedElement.focus());
  }

  private drawChoice(): void {
    const free = this.devices().filter(({ number }) => !this.rows.some(({ device }) => device === number));
    const drawn = JSON.stringify(free);
    if (drawn === this.drawnDevices) return;
    this.drawnDevices = drawn;
    this.choice.replaceChildren(
      ...free.map(({ number, name, description }) =>
        make('option', { value: number }, description === '' ? name : `${name} – ${description}`),
      ),
    );
  }

  private nameOf(device: string): string {
    return this.devices().find(({ number }) => number === device)?.name ?? device;
  }
}

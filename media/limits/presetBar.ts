import { type Preset, presets } from '../../helper/protocol/knobs.js';
import { element, make, makeButton } from './dom.js';

/** Buttons that fill in several fields at once. */
export class PresetBar {
  private readonly bar = element('presets', HTMLElement);

  constructor(chosen: (values: Preset['values']) => void) {
    const buttons = presets.map(({ title, description, values }) => {
      const made = makeButton(title, `${title}: ${description}`, () => chosen(values));
      made.classList.add('quiet');
      return made;
    });
    this.bar.append(make('span', {}, 'Start from'), ...buttons);
  }

  show(shown: boolean): void {
    this.bar.hidden = !shown;
  }
}

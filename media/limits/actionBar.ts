import { type ActionsView, trialSeconds } from '../../extension/limits/actions.js';
import type { Asked } from '../../extension/limits/formState.js';
import { button, element, onChoose } from './dom.js';

/** The buttons below the form, and Enter in any of its fields. What they offer an `ActionsView` says. */
export class ActionBar {
  constructor(events: { asked(how: Asked): void; reverted(): void }) {
    button('try').textContent = `Try for ${trialSeconds} s`;
    element('form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      events.asked('lasting');
    });
    for (const [id, how] of [
      ['restart', 'restart'],
      ['try', 'trial'],
      ['undo', 'undo'],
      ['rollBack', 'undo'],
      ['keep', 'keep'],
    ] as const) {
      onChoose(button(id), () => events.asked(how));
    }
    onChoose(button('revert'), () => events.reverted());
  }

  draw(view: ActionsView, busy: boolean): void {
    button('apply').disabled = !view.canApply;
    for (const [id, offered] of [
      ['restart', view.offersRestart],
      ['try', view.offersTrial],
    ] as const) {
      button(id).hidden = !offered;
      button(id).disabled = !view.canApply;
    }
    button('revert').disabled = !view.canRevert;
    const undo = button('undo');
    undo.hidden = view.undo === undefined;
    undo.disabled = busy;
    if (view.undo !== undefined) {
      undo.textContent = view.undo.label;
      undo.title = view.undo.description;
      undo.setAttribute('aria-label', view.undo.description);
    }
  }
}

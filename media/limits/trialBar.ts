import { button, element, showText } from './dom.js';

/** The countdown of a trial. It counts by the page's own clock from what was left when the report came. */
export class TrialBar {
  private readonly text = element('trial-text', HTMLElement);
  private endsAt: number | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  /** @param left  milliseconds; undefined for no trial */
  set(left: number | undefined): void {
    this.endsAt = left === undefined ? undefined : performance.now() + left;
    clearInterval(this.timer);
    if (this.endsAt !== undefined) this.timer = setInterval(() => this.count(), 500);
    this.count();
  }

  show(shown: boolean, busy: boolean): void {
    const bar = element('trial', HTMLElement);
    // The focus does not fall off the page with the button that was chosen.
    if (!shown && bar.contains(document.activeElement)) element('status', HTMLElement).focus();
    bar.hidden = !shown;
    button('keep').disabled = busy;
    button('rollBack').disabled = busy;
  }

  private count(): void {
    if (this.endsAt === undefined) return;
    const seconds = Math.max(0, Math.ceil((this.endsAt - performance.now()) / 1000));
    showText(this.text, seconds === 0 ? 'On trial: rolling back…' : `On trial: rolls back in ${seconds} s`);
    if (seconds === 0) clearInterval(this.timer);
  }
}

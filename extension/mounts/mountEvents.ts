import type { LogOutputChannel } from 'vscode';
import { WatchMounts } from '../../helper/protocol/index.js';
import type { SeenSection } from '../containers/seenSection.js';
import type { HelperClient } from '../helperClient.js';

/** Has the helper hear of what processes inside mount, in those containers whose mounts can be seen. */
export class MountEvents {
  private watched = '';
  private isVisible = false;

  constructor(
    private readonly helper: Pick<HelperClient, 'request'>,
    private readonly log: Pick<LogOutputChannel, 'warn'>,
    private readonly seen: SeenSection,
  ) {}

  setVisible(isVisible: boolean): void {
    this.isVisible = isVisible;
    this.update();
  }

  /** The helper is another one, which watches nothing yet. */
  begin(): void {
    this.watched = '';
    this.update();
  }

  /** Sections were opened or closed. */
  update(): void {
    const containers = this.isVisible ? this.seen.containers.sort() : [];
    if (containers.join() === this.watched) return;
    this.watched = containers.join();
    this.helper.request(WatchMounts, { containers }).catch((error: unknown) => {
      // Tried again with the next change.
      this.watched = '';
      this.log.warn(`Watching mounts: ${String(error)}`);
    });
  }
}

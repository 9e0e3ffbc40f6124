import {
  commands,
  type Disposable,
  EventEmitter,
  type FileDecoration,
  type FileDecorationProvider,
  type LogOutputChannel,
  l10n,
  type SourceControl,
  type SourceControlResourceGroup,
  type SourceControlResourceState,
  scm,
  ThemeColor,
  type Uri,
  window,
} from 'vscode';
import { type Change, ChangesChanged, ListChanges, WatchChanges } from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import { fileScheme, referenceOf } from '../files/addresses.js';
import type { Roots } from '../files/roots.js';
import type { HelperClient } from '../helperClient.js';
import { ChangeSet } from './changeSet.js';
import { changeLook, groupLabel } from './changeText.js';

/** One line of the list. Commands are called with it. */
export interface ChangeState extends SourceControlResourceState {
  container: string;
  change: Change;
}

/**
 * What one container changed against what it was made from, as source control: the list, marks in the gutter of
 * editors, letters in the tree of files. There for the container that was chosen, and as long as it is.
 */
export class ChangesControl implements FileDecorationProvider, Disposable {
  private shown: { container: string; control: SourceControl; group: SourceControlResourceGroup } | undefined;
  private changes = new ChangeSet({ changes: [] });
  private reading: Promise<void> | undefined;
  private readAgain = false;
  private readonly decorated = new EventEmitter<undefined>();
  private readonly subscriptions: Disposable[];

  readonly onDidChangeFileDecorations = this.decorated.event;

  constructor(
    private readonly helper: HelperClient,
    private readonly store: ContainerStore,
    private readonly roots: Roots,
    private readonly log: LogOutputChannel,
  ) {
    this.subscriptions = [
      window.registerFileDecorationProvider(this),
      helper.onNotification(ChangesChanged, ({ container }) => {
        if (container === this.shown?.container) {
          this.refreshSoon();
        }
      }),
      helper.onDidChangeState((state) => {
        if (state.kind === 'ready' && this.shown) {
          this.watch(this.shown.container);
          this.refreshSoon();
        }
      }),
      store.onDidChange(() => this.containersChanged()),
    ];
  }

  /** Id of the container whose changes are shown. */
  get container(): string | undefined {
    return this.shown?.container;
  }

  get list(): readonly Change[] {
    return this.changes.list.changes;
  }

  find(file: string): Change | undefined {
    return this.changes.get(file);
  }

  /** Shows the changes of a container instead of those of another. Rejects when they cannot be had. */
  async show(container: string): Promise<void> {
    if (this.shown?.container !== container) {
      const first = await this.helper.request(ListChanges, { container });
      this.hide();
      this.open(container);
      this.watch(container);
      this.take(new ChangeSet(first));
    } else {
      await this.refresh();
    }
  }

  hide(): void {
    if (!this.shown) {
      return;
    }
    this.shown.control.dispose();
    this.shown = undefined;
    this.changes = new ChangeSet({ changes: [] });
    this.decorated.fire(undefined);
    this.watch(undefined);
    this.setContext(false);
  }

  /** Reads the changes anew. */
  async refresh(): Promise<void> {
    const shown = this.shown;
    if (!shown) {
      return;
    }
    const list = await this.helper.request(ListChanges, { container: shown.container });
    if (this.shown === shown) {
      this.take(new ChangeSet(list));
    }
  }

  provideFileDecoration(uri: Uri): FileDecoration | undefined {
    if (uri.scheme !== fileScheme || uri.authority !== 'container' || !this.shown) {
      return undefined;
    }
    const reference = referenceOf(uri);
    const named = reference?.root.kind === 'container' ? reference.root.container : undefined;
    if (!reference || (named !== this.shown.container && named !== this.roots.title(this.root(this.shown.container)))) {
      return undefined;
    }
    const change = this.changes.covering(reference.path);
    if (!change) {
      return undefined;
    }
    const { letter, color, tooltip } = changeLook(change);
    return { badge: letter, color: new ThemeColor(color), tooltip, propagate: change.kind !== 'deleted' };
  }

  dispose(): void {
    this.shown?.control.dispose();
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.decorated.dispose();
  }

  private root(container: string): { kind: 'container'; container: string } {
    return { kind: 'container', container };
  }

  private open(container: string): void {
    const root = this.root(container);
    const control = scm.createSourceControl('terrarium', l10n.t('Container'), this.roots.uri({ root, path: '/' }));
    control.inputBox.visible = false;
    control.quickDiffProvider = { provideOriginalResource: (uri) => this.original(uri) };
    const group = control.createResourceGroup('changes', l10n.t('Changes'));
    this.shown = { container, control, group };
    this.setContext(true);
  }

  private setContext(shown: boolean): void {
    commands
      .executeCommand('setContext', 'terrarium.changesShown', shown)
      .then(undefined, (reason: unknown) => this.log.error(`Context: ${String(reason)}`));
  }

  /** What the marks in the gutter of an editor compare with. */
  private async original(uri: Uri): Promise<Uri | undefined> {
    if (uri.scheme !== fileScheme || uri.authority !== 'container') {
      return undefined;
    }
    const { root, path } = await this.roots.reference(uri);
    const original =
      root.kind === 'container' && root.container === this.shown?.container ? this.changes.original(path) : undefined;
    return original === undefined || root.kind !== 'container'
      ? undefined
      : this.roots.uri({ root: { kind: 'base', container: root.container }, path: original });
  }

  private take(changes: ChangeSet): void {
    if (!this.shown) {
      return;
    }
    const { container, control, group } = this.shown;
    this.changes = changes;
    group.label = groupLabel(changes.list);
    group.resourceStates = changes.list.changes.map((change) => this.state(container, change));
    control.count = changes.list.changes.length;
    this.decorated.fire(undefined);
  }

  private state(container: string, change: Change): ChangeState {
    const { strikeThrough, tooltip } = changeLook(change);
    const state: ChangeState = {
      container,
      change,
      resourceUri: this.roots.uri({ root: this.root(container), path: change.path }),
      decorations: { strikeThrough, tooltip },
      contextValue: change.kind,
    };
    return { ...state, command: { command: 'terrarium.openChange', title: l10n.t('Open Change'), arguments: [state] } };
  }

  /** One reading at a time: what comes meanwhile is one more, after it. */
  private refreshSoon(): void {
    if (this.reading !== undefined) {
      this.readAgain = true;
      return;
    }
    this.reading = this.refresh()
      .catch((error: unknown) => this.log.warn(`Changes: ${String(error)}`))
      .finally(() => {
        this.reading = undefined;
        if (this.readAgain) {
          this.readAgain = false;
          this.refreshSoon();
        }
      });
  }

  private containersChanged(): void {
    if (this.shown && this.helper.state.kind === 'ready' && !this.store.find(this.shown.container)) {
      this.hide();
    }
  }

  private watch(container: string | undefined): void {
    if (this.helper.state.kind === 'ready') {
      this.helper
        .request(WatchChanges, container === undefined ? {} : { container })
        .catch((error: unknown) => this.log.warn(`Watching changes: ${String(error)}`));
    }
  }
}

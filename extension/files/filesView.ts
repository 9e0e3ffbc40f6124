import { commands, type Disposable, type LogOutputChannel, l10n, type Memento, type TreeView, window } from 'vscode';
import { type FileRoot, FilesChanged, ImagesChanged, ListImages } from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { ContainersView } from '../containers/containersView.js';
import type { HelperClient } from '../helperClient.js';
import type { ImagesView } from '../images/imagesView.js';
import { messageText, plainText } from '../text/untrusted.js';
import { sameRoot } from './addresses.js';
import type { FileDragAndDrop } from './dragAndDrop.js';
import { FilesTree, type FileTreeNode } from './filesTree.js';
import type { Roots } from './roots.js';
import { afterChange, afterChoice, afterSelection, rootOfNode, type ShownRoot } from './shownRoot.js';
import type { Watches } from './watches.js';

const stateKey = 'terrarium.files';

/** What the view works with. */
interface Surroundings {
  store: ContainerStore;
  helper: HelperClient;
  containers: ContainersView;
  images: ImagesView;
  roots: Roots;
  watches: Watches;
  state: Memento;
  log: LogOutputChannel;
}

/** The view "Root file system": the tree of what is selected in the views of containers and images. */
export class FilesView implements Disposable {
  readonly tree: FilesTree;
  readonly view: TreeView<FileTreeNode>;
  private shown: ShownRoot;
  /** State of the container that is shown: what is mounted depends on it. */
  private drawnState: string | undefined;
  /** The helper ran, or tried to. */
  private connected = false;
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly around: Surroundings,
    dragAndDrop: FileDragAndDrop,
  ) {
    const { helper, store, containers, images, roots, state, log } = around;
    this.tree = new FilesTree(helper, roots, log);
    this.view = window.createTreeView('terrarium.files', {
      treeDataProvider: this.tree,
      canSelectMany: true,
      showCollapseAll: true,
      dragAndDropController: dragAndDrop,
    });
    this.shown = state.get<ShownRoot>(stateKey, { pinned: false });
    this.tree.show(this.shown.root);
    this.subscriptions = [
      this.tree,
      this.view,
      this.view.onDidChangeVisibility(({ visible }) => {
        if (visible) {
          // Nothing was watched meanwhile.
          this.tree.refresh();
        }
        this.watch();
      }),
      this.tree.onDidRead(() => {
        this.watch();
        this.describe();
      }),
      containers.view.onDidChangeSelection(({ selection }) => this.follow(selection[0])),
      images.view.onDidChangeSelection(({ selection }) => this.follow(selection[0])),
      store.onDidChange(() => this.containersChanged()),
      helper.onNotification(ImagesChanged, () => this.imagesChanged()),
      helper.onNotification(FilesChanged, ({ events }) => this.tree.take(events)),
      helper.onDidChangeState((connection) => {
        // The first list is what started the helper: it is on its way.
        if (connection.kind === 'failed' || (connection.kind === 'ready' && this.connected)) {
          this.tree.refresh();
        }
        this.connected ||= connection.kind === 'failed' || connection.kind === 'ready';
        this.describe();
      }),
    ];
    this.describe();
  }

  /** The root that is shown. */
  get root(): FileRoot | undefined {
    return this.shown.root;
  }

  /** Shows a root that was chosen on purpose. */
  choose(root: FileRoot): void {
    this.become(afterChoice(this.shown, root));
  }

  /** Keeps the root whatever else is selected, or no longer. */
  pin(pinned: boolean): void {
    this.become({ ...this.shown, pinned: pinned && this.shown.root !== undefined });
  }

  /** Shows a file of a root in the tree and selects it. False: it is not there. */
  async reveal(root: FileRoot, file: string, options: { focus?: boolean; expand?: boolean } = {}): Promise<boolean> {
    if (!this.shown.root || !sameRoot(root, this.shown.root)) {
      this.choose(root);
    }
    if (!this.view.visible) {
      await commands.executeCommand('terrarium.files.focus');
    }
    if (file === '/') {
      return true;
    }
    const node = await this.tree.node(file);
    if (node) {
      await this.view.reveal(node, { select: true, focus: options.focus ?? true, expand: options.expand ?? false });
    }
    return node !== undefined;
  }

  dispose(): void {
    this.around.watches.set(this, []);
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
  }

  private follow(node: unknown): void {
    this.become(afterSelection(this.shown, rootOfNode(node)));
  }

  private become(shown: ShownRoot): void {
    if (shown === this.shown) {
      return;
    }
    const { root: before } = this.shown;
    this.shown = shown;
    if (!before || !shown.root || !sameRoot(before, shown.root)) {
      this.drawnState = this.stateOfContainer();
      this.tree.show(shown.root);
      this.watch();
    }
    this.describe();
    this.around.state
      .update(stateKey, shown)
      .then(undefined, (error: unknown) => this.around.log.warn(`Keeping what is shown: ${String(error)}`));
  }

  private containersChanged(): void {
    if (this.around.helper.state.kind === 'ready') {
      this.become(afterChange(this.shown, this.around.store.known, undefined));
    }
    const state = this.stateOfContainer();
    if (state !== this.drawnState) {
      this.drawnState = state;
      this.tree.refresh();
    }
    this.describe();
  }

  private imagesChanged(): void {
    if (this.shown.root?.kind === 'image') {
      this.around.helper.request(ListImages).then(
        (images) => this.become(afterChange(this.shown, this.around.store.known, images)),
        (error: unknown) => this.around.log.warn(`Images: ${String(error)}`),
      );
    }
  }

  private stateOfContainer(): string | undefined {
    const { root } = this.shown;
    return root && root.kind !== 'image' ? this.around.store.find(root.container)?.state : undefined;
  }

  private watch(): void {
    const { root } = this.shown;
    this.around.watches.set(
      this,
      root && this.view.visible ? this.tree.folderPaths.map((path) => ({ root, path })) : [],
    );
  }

  private describe(): void {
    const { root, pinned } = this.shown;
    const { state } = this.around.helper;
    const kind = root && (root.kind === 'image' ? l10n.t('image') : this.stateOfContainer());
    this.view.description = root
      ? [plainText(this.around.roots.title(root), 64), kind].filter(Boolean).join(' · ')
      : '';
    // VS Code takes an empty string for none.
    this.view.message =
      state.kind === 'failed'
        ? messageText(l10n.t('The helper does not run. {0}', state.reason))
        : root
          ? messageText(this.tree.readOnly('/') ?? '')
          : '';
    this.setContext('terrarium.filesRoot', root?.kind ?? 'none');
    this.setContext('terrarium.filesPinned', pinned);
  }

  private setContext(key: string, value: unknown): void {
    commands
      .executeCommand('setContext', key, value)
      .then(undefined, (reason: unknown) => this.around.log.error(`Context: ${String(reason)}`));
  }
}

import { commands, type Disposable, l10n, Uri, ViewColumn, type WebviewPanel, window } from 'vscode';
import {
  allContainers,
  type DetailedStats,
  DetailsSampled,
  type GroupSummary,
  LimitsChanged,
  type LimitTarget,
  ListGroups,
  ReadLimits,
} from '../../helper/protocol/index.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { Notifier } from '../errors/notifier.js';
import type { HelperClient } from '../helperClient.js';
import { pageResources, webviewOptions } from '../webviews/resources.js';
import { overviewPage } from './html.js';
import { MachineMeter } from './machineUse.js';
import { type Action, type MessageFromPage, type MessageToPage, messageFromPage } from './messages.js';
import {
  type Bounds,
  boundsOf,
  containerKey,
  groupKey,
  isLive,
  makeRows,
  makeTotal,
  type OverviewState,
} from './rows.js';
import { TrailBook, usesOf } from './trails.js';

export const viewType = 'terrarium.overview';

export interface OverviewParts {
  extensionUri: Uri;
  helper: HelperClient;
  store: ContainerStore;
  notifier: Notifier;
}

/** Containers whose pressure is read too: three more files each, every second. */
const mostDetailed = 32;

/** The overview of what runs. It watches statistics only while it is visible. */
export class OverviewPanel {
  private readonly disposables: Disposable[] = [];
  private readonly details = new Map<string, DetailedStats>();
  private readonly trails = new TrailBook();
  private readonly meter = new MachineMeter();
  private groups: readonly GroupSummary[] = [];
  private limits: ReadonlyMap<string, Bounds> = new Map();
  /** Answers may overtake each other; only the latest reading is shown. */
  private reading = 0;
  private ready = false;

  static open(parts: OverviewParts): OverviewPanel {
    const title = l10n.t('Containers: Overview');
    return new OverviewPanel(
      window.createWebviewPanel(viewType, title, ViewColumn.Active, webviewOptions(parts.extensionUri)),
      parts,
    );
  }

  /** Takes over a panel that the editor made again after a reload. */
  static revive(panel: WebviewPanel, parts: OverviewParts): OverviewPanel {
    panel.webview.options = webviewOptions(parts.extensionUri);
    return new OverviewPanel(panel, parts);
  }

  private constructor(
    private readonly panel: WebviewPanel,
    private readonly parts: OverviewParts,
  ) {
    const { extensionUri, helper, store } = parts;
    panel.iconPath = Uri.joinPath(extensionUri, 'media', 'icons', 'terrarium-color.svg');
    panel.onDidDispose(() => this.dispose(), undefined, this.disposables);
    panel.onDidChangeViewState(() => this.visibilityChanged(), undefined, this.disposables);
    panel.webview.onDidReceiveMessage((message: unknown) => this.receive(message), undefined, this.disposables);
    this.disposables.push(
      store.onDidChange(() => this.changedLater()),
      helper.onNotification(LimitsChanged, ({ target }) => {
        if (!('container' in target)) this.changedLater();
      }),
      store.onDidSample(() => this.sampled()),
      helper.onNotification(DetailsSampled, ({ details }) => {
        for (const sample of details) this.details.set(keyOf(sample.target), sample);
        this.watch();
      }),
    );
    panel.webview.html = overviewPage(pageResources(panel.webview, extensionUri, 'overview'));
  }

  onDidClose(handler: () => void): void {
    this.panel.onDidDispose(handler, undefined, this.disposables);
  }

  reveal(): void {
    this.panel.reveal();
  }

  private receive(message: unknown): void {
    const parsed = messageFromPage.safeParse(message);
    if (!parsed.success) {
      console.warn('Terrarium: the overview sent a message that is none of its own; it was ignored');
      return;
    }
    this.handle(parsed.data).catch((error: unknown) => this.parts.notifier.show(error, l10n.t('Overview')));
  }

  private async handle(message: MessageFromPage): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        await this.begin();
        break;
      case 'launch':
        await commands.executeCommand('terrarium.launch');
        break;
      case 'act':
        await this.act(message.action, message.key);
        break;
    }
  }

  private async begin(): Promise<void> {
    this.trails.addGap();
    this.post({ type: 'trails', trails: this.trails.toMessage() });
    try {
      await this.parts.store.list();
      await this.changed();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.post({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  }

  /** The page names what it shows by key; what is not there any more is passed over, since its row is about to go. */
  private async act(action: Action, key: string): Promise<void> {
    const container = this.state().containers.find(({ id }) => containerKey(id) === key)?.id;
    if (container !== undefined) {
      const command = { limits: 'editLimits', stop: 'stop', terminal: 'newTerminal' }[action];
      await commands.executeCommand(`terrarium.${command}`, { container });
      return;
    }
    const group = [allContainers, ...this.state().groups.map(({ name }) => name)].find(
      (name) => groupKey(name) === key,
    );
    if (group !== undefined && action === 'limits') await commands.executeCommand('terrarium.editLimits', { group });
  }

  private state(): OverviewState {
    const { store } = this.parts;
    const { groups, details, limits } = this;
    return { containers: store.known, groups, stats: (id) => store.stats(id), details, limits };
  }

  private changedLater(): void {
    this.changed().catch((error: unknown) => this.fail(error));
  }

  private async changed(): Promise<void> {
    if (!this.ready) return;
    const { helper } = this.parts;
    const reading = ++this.reading;
    // What is known is shown at once; groups and their limits follow.
    this.watch();
    this.draw(false);
    const groups = (await helper.request(ListGroups)).filter(({ live }) => live);
    if (reading !== this.reading) return;
    this.groups = groups;
    this.watch();
    // Without a container that runs there is no group that has limits now.
    const names = this.parts.store.known.some(isLive) ? [allContainers, ...this.groups.map(({ name }) => name)] : [];
    const limits = new Map(
      await Promise.all(
        names.map(async (group): Promise<[string, Bounds]> => {
          const report = await helper.request(ReadLimits, { group });
          return [groupKey(group), report.live ? boundsOf(report) : {}];
        }),
      ),
    );
    if (reading !== this.reading) return;
    this.limits = limits;
    this.draw(false);
  }

  private sampled(): void {
    if (this.ready) this.draw(true);
  }

  private draw(sampled: boolean): void {
    const state = this.state();
    const [rows, all, machine] = [makeRows(state), makeTotal(state), this.meter.read()];
    const message: MessageToPage = { type: 'rows', rows, all, machine, sampled };
    if (sampled) this.trails.add(usesOf(message));
    this.post(message);
  }

  /** The page of a hidden panel is thrown away; it says `ready` again when it is loaded anew. */
  private visibilityChanged(): void {
    if (this.panel.visible) return;
    this.ready = false;
    this.watch();
  }

  private watch(): void {
    const { containers, groups } = this.state();
    const live = this.ready ? containers.filter(isLive).map(({ id }) => id) : [];
    // Of a container the details add its pressure to the brief statistics, where there is such a thing.
    const tellsPressure = this.details.get(groupKey(allContainers))?.pressure !== undefined;
    const details: LimitTarget[] =
      live.length === 0
        ? []
        : [
            { group: allContainers },
            ...groups.map(({ name }) => ({ group: name })),
            ...(tellsPressure ? live.slice(0, mostDetailed).map((container) => ({ container })) : []),
          ];
    const keys = new Set(details.map(keyOf));
    for (const key of [...this.details.keys()]) if (!keys.has(key)) this.details.delete(key);
    this.parts.helper.statistics.set(this, live, details);
  }

  private post(message: MessageToPage): void {
    if (!this.ready) return;
    // Answers false when the page has gone meanwhile: it then asks again itself.
    void this.panel.webview.postMessage(message);
  }

  private dispose(): void {
    this.ready = false;
    this.parts.helper.statistics.set(this, []);
    for (const disposable of this.disposables) disposable.dispose();
  }
}

function keyOf(target: LimitTarget): string {
  if ('container' in target) return containerKey(target.container);
  return 'group' in target ? groupKey(target.group) : target.cgroup;
}

import { randomBytes } from 'node:crypto';
import { type Disposable, env, l10n, Uri, ViewColumn, type WebviewPanel, window } from 'vscode';
import {
  type ContainerSummary,
  ContainersChanged,
  type ErrorData,
  ListContainers,
  ReadLimits,
  SetLimits,
  StatsSampled,
} from '../../helper/protocol/index.js';
import type { LimitChange, LimitsReport } from '../../helper/protocol/limits.js';
import type { HelperClient } from '../helperClient.js';
import { plainText } from '../text/untrusted.js';
import { limitsPage } from './html.js';
import { type MessageFromForm, type MessageToForm, messageFromForm } from './messages.js';

export const viewType = 'terrarium.limits';

/** What the panel needs of the helper's client. */
export type LimitsHelper = Pick<HelperClient, 'request' | 'onNotification' | 'statistics'>;

/** The form for the limits of one container. It watches use only while it is visible. */
export class LimitsPanel {
  private readonly disposables: Disposable[] = [];
  private ready = false;
  private name: string;
  private state: string | undefined;
  private report: LimitsReport | undefined;
  private failure: ErrorData | undefined;
  /** The field that shall have the cursor once the page can take it. */
  private focused: string | undefined;
  /** Answers may overtake each other; only the latest reading is shown. */
  private reading = 0;

  /** Opens the form beside what is open now. */
  static open(extensionUri: Uri, helper: LimitsHelper, container: string, name: string): LimitsPanel {
    const panel = window.createWebviewPanel(viewType, '', ViewColumn.Active, panelOptions(extensionUri));
    return new LimitsPanel(panel, extensionUri, helper, container, name);
  }

  /** Takes over a panel that the editor made again after a reload. */
  static revive(panel: WebviewPanel, extensionUri: Uri, helper: LimitsHelper, container: string): LimitsPanel {
    panel.webview.options = panelOptions(extensionUri);
    return new LimitsPanel(panel, extensionUri, helper, container, container);
  }

  private constructor(
    private readonly panel: WebviewPanel,
    extensionUri: Uri,
    private readonly helper: LimitsHelper,
    readonly container: string,
    name: string,
  ) {
    this.name = name;
    panel.onDidDispose(() => this.dispose(), undefined, this.disposables);
    panel.onDidChangeViewState(() => this.visibilityChanged(), undefined, this.disposables);
    panel.webview.onDidReceiveMessage((message: unknown) => this.receive(message), undefined, this.disposables);
    this.disposables.push(
      helper.onNotification(ContainersChanged, ({ containers }) => this.containersChanged(containers)),
      helper.onNotification(StatsSampled, ({ stats }) => {
        const sample = stats.find(({ container: id }) => id === this.container);
        if (sample === undefined) return;
        const usage: Extract<MessageToForm, { type: 'usage' }>['usage'] = {};
        if (sample.memoryBytes !== undefined) usage['memory.max'] = sample.memoryBytes;
        if (sample.pids !== undefined) usage['pids.max'] = sample.pids;
        if (sample.cpu !== undefined) usage['cpu.max'] = sample.cpu;
        this.post({ type: 'usage', usage });
      }),
    );
    this.entitle();
    const webview = panel.webview;
    const media = Uri.joinPath(extensionUri, 'dist', 'media');
    webview.html = limitsPage({
      script: webview.asWebviewUri(Uri.joinPath(media, 'limits.js')).toString(),
      style: webview.asWebviewUri(Uri.joinPath(media, 'limits.css')).toString(),
      source: webview.cspSource,
      nonce: randomBytes(16).toString('base64'),
    });
  }

  onDidClose(handler: () => void): void {
    this.panel.onDidDispose(handler, undefined, this.disposables);
  }

  reveal(): void {
    this.panel.reveal();
  }

  /** Puts the cursor into the field of a limit, as soon as the page is there. */
  focus(name: string): void {
    this.focused = name;
    if (this.ready) this.postFocus();
  }

  private postFocus(): void {
    if (this.focused === undefined) return;
    this.post({ type: 'focus', name: this.focused });
    this.focused = undefined;
  }

  private receive(message: unknown): void {
    const parsed = messageFromForm.safeParse(message);
    if (!parsed.success) {
      console.warn('Terrarium: the limits form sent a message that is none of its own; it was ignored');
      return;
    }
    this.handle(parsed.data).catch((error: unknown) => this.fail(error));
  }

  private async handle(message: MessageFromForm): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        await this.read();
        this.postFocus();
        this.watch();
        break;
      case 'reload':
        await this.read();
        break;
      case 'apply':
        await this.apply(message.request, message.changes);
        break;
      case 'copyRemedy': {
        const text = this.remedy(message.of);
        if (text === undefined) return;
        await env.clipboard.writeText(text);
        window.setStatusBarMessage(l10n.t('Remedy copied'), 3000);
        break;
      }
    }
  }

  private remedy(of: Extract<MessageFromForm, { type: 'copyRemedy' }>['of']): string | undefined {
    if (of === 'notice') return this.report?.notice?.remedy;
    if (of === 'failure') return this.failure?.command;
    return this.report?.readings.find(({ name }) => name === of)?.unavailable?.remedy;
  }

  private async read(): Promise<void> {
    const reading = ++this.reading;
    const [report, containers] = await Promise.all([
      this.helper.request(ReadLimits, { container: this.container }),
      this.helper.request(ListContainers),
    ]);
    if (reading !== this.reading) return;
    this.remember(containers.find(({ id }) => id === this.container));
    this.show(report);
  }

  private async apply(request: number, changes: LimitChange[]): Promise<void> {
    try {
      const { report } = await this.helper.request(SetLimits, { target: { container: this.container }, changes });
      this.reading++;
      this.show(report, request);
    } catch (error) {
      this.fail(error, request);
    }
  }

  private show(report: LimitsReport, applied?: number): void {
    this.report = report;
    this.post({
      type: 'report',
      name: this.name,
      report: { ...report, target: { container: this.container } },
      ...(applied !== undefined && { applied }),
    });
  }

  private fail(error: unknown, request?: number): void {
    const { message, data } = describeError(error);
    this.failure = data;
    this.post({
      type: 'failed',
      message,
      cause: data.cause,
      fix: data.fix,
      command: data.command,
      ...(request !== undefined && { request }),
    });
  }

  private containersChanged(containers: readonly ContainerSummary[]): void {
    const summary = containers.find(({ id }) => id === this.container);
    if (summary === undefined) {
      this.panel.dispose();
      return;
    }
    const before = this.state;
    this.remember(summary);
    // Starting and stopping change what a limit means, and whether there is anything to watch.
    if (before === summary.state || !this.ready) return;
    this.watch();
    this.read().catch((error: unknown) => this.fail(error));
  }

  private remember(summary: ContainerSummary | undefined): void {
    if (summary === undefined) return;
    this.state = summary.state;
    this.name = summary.name;
    this.entitle();
  }

  private entitle(): void {
    this.panel.title = l10n.t('Limits: {0}', plainText(this.name, 60));
  }

  /** The page of a hidden panel is thrown away; it says `ready` again when it is loaded anew. */
  private visibilityChanged(): void {
    if (this.panel.visible) return;
    this.ready = false;
    this.watch();
  }

  private watch(): void {
    const running = this.state === 'running' || this.state === 'paused';
    this.helper.statistics.set(this, this.ready && running ? [this.container] : []);
  }

  private post(message: MessageToForm): void {
    if (!this.ready) return;
    // Answers false when the page has gone meanwhile: it then asks again itself.
    void this.panel.webview.postMessage(message);
  }

  private dispose(): void {
    this.ready = false;
    this.helper.statistics.set(this, []);
    for (const disposable of this.disposables) disposable.dispose();
  }
}

function panelOptions(extensionUri: Uri) {
  return { enableScripts: true, localResourceRoots: [Uri.joinPath(extensionUri, 'dist', 'media')] };
}

function describeError(error: unknown): { message: string; data: ErrorData } {
  const message = error instanceof Error ? error.message : String(error);
  const data = error instanceof Error && 'data' in error ? error.data : undefined;
  return { message, data: typeof data === 'object' && data !== null ? data : {} };
}

import { type Disposable, env, l10n, type Uri, ViewColumn, type WebviewPanel, window } from 'vscode';
import {
  type ContainerSummary,
  ContainersChanged,
  DetailsSampled,
  ErrorCode,
  type ErrorData,
  KeepLimits,
  LimitReached,
  LimitsChanged,
  ListLimitEdits,
  PreviewLimits,
  ReadLimits,
  SetLimits,
  UndoLimits,
} from '../../helper/protocol/index.js';
import type { DetailedStats, LimitChange, LimitEdit, LimitsReport, LimitTarget } from '../../helper/protocol/limits.js';
import type { HelperClient } from '../helperClient.js';
import { plainText } from '../text/untrusted.js';
import { pageResources, webviewOptions } from '../webviews/resources.js';
import { describeForeignEdit, trialSeconds } from './actions.js';
import { codeOf, describeError, sentences } from './failureText.js';
import { boundsOf, History, type Mark, markOfEdit } from './history.js';
import { limitsPage } from './html.js';
import { type How, type MessageFromForm, type MessageToForm, messageFromForm } from './messages.js';
import { targetKey } from './target.js';

export const viewType = 'terrarium.limits';

/** What the panel needs of the helper's client. */
export type LimitsHelper = Pick<HelperClient, 'request' | 'onNotification' | 'statistics' | 'onDidChangeState'>;

/** How much of the past the graphs show. */
const historyMinutes = 5;

/**
 * The form for the limits of one container, group of containers or control group. It watches use only while it is
 * visible; what it has seen it keeps while it is hidden and the page is thrown away.
 */
export class LimitsPanel {
  readonly key: string;
  private readonly disposables: Disposable[] = [];
  private readonly history = new History(historyMinutes);
  private ready = false;
  private gone = false;
  /** Of a container. */
  private state: string | undefined;
  private report: LimitsReport | undefined;
  private failure: ErrorData | undefined;
  /** The field that shall have the cursor once the page can take it. */
  private focused: string | undefined;
  /** Answers may overtake each other; only the latest reading is shown. */
  private reading = 0;
  /** Edits that this form asked for, by id, and how many it still awaits the answer of. */
  private readonly own = new Set<string>();
  private asking = 0;
  /** What others did, to be said with the next reading: one that is overtaken is not shown. */
  private announcement: string | undefined;

  /** Opens the form beside what is open now. */
  static open(extensionUri: Uri, helper: LimitsHelper, target: LimitTarget, title: string): LimitsPanel {
    const panel = window.createWebviewPanel(viewType, '', ViewColumn.Active, webviewOptions(extensionUri));
    return new LimitsPanel(panel, extensionUri, helper, target, title);
  }

  /** Takes over a panel that the editor made again after a reload. */
  static revive(panel: WebviewPanel, extensionUri: Uri, helper: LimitsHelper, target: LimitTarget): LimitsPanel {
    panel.webview.options = webviewOptions(extensionUri);
    return new LimitsPanel(panel, extensionUri, helper, target, panel.title);
  }

  private constructor(
    private readonly panel: WebviewPanel,
    extensionUri: Uri,
    private readonly helper: LimitsHelper,
    private readonly target: LimitTarget,
    title: string,
  ) {
    this.key = targetKey(target);
    panel.title = title;
    panel.onDidDispose(() => this.dispose(), undefined, this.disposables);
    panel.onDidChangeViewState(() => this.visibilityChanged(), undefined, this.disposables);
    panel.webview.onDidReceiveMessage((message: unknown) => this.receive(message), undefined, this.disposables);
    this.disposables.push(
      helper.onDidChangeState(({ kind }) => {
        // A new helper: what was known of the old one is void.
        if (kind === 'ready') this.readAgain();
      }),
      helper.onNotification(ContainersChanged, ({ containers }) => this.containersChanged(containers)),
      helper.onNotification(LimitsChanged, ({ target: changed, edit }) => this.limitsChanged(changed, edit)),
      helper.onNotification(DetailsSampled, ({ details }) => this.sampled(details)),
      helper.onNotification(LimitReached, ({ summary, limit, count, message }) => {
        if (this.key !== targetKey({ container: summary.id }) || limit !== 'memory.max') return;
        this.postMarks(this.history.markKill(Date.now(), count, message));
      }),
    );
    panel.webview.html = limitsPage(pageResources(panel.webview, extensionUri, 'limits'));
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
    const request = 'request' in parsed.data ? parsed.data.request : undefined;
    this.handle(parsed.data).catch((error: unknown) => this.fail(error, request));
  }

  private async handle(message: MessageFromForm): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.ready = true;
        await this.begin();
        break;
      case 'reload':
        await this.read();
        break;
      case 'preview':
        await this.preview(message.request, message.changes);
        break;
      case 'apply':
        await this.change(message.request, () => this.set(message.changes, message.how));
        break;
      case 'undo':
        await this.change(message.request, () => this.helper.request(UndoLimits, { target: this.target }));
        break;
      case 'keep': {
        const report = await this.helper.request(KeepLimits, { target: this.target, edit: message.edit });
        this.reading++;
        this.show(report, message.request);
        break;
      }
      case 'close':
        this.panel.dispose();
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

  private async begin(): Promise<void> {
    // What was seen before the page was hidden; what has been edited since follows.
    this.post({ type: 'history', samples: [...this.history.samples], marks: [...this.history.marks] });
    await this.read();
    this.postFocus();
    if (this.gone) return;
    const edits = await this.helper.request(ListLimitEdits, { target: this.target });
    const since = Date.now() - historyMinutes * 60_000;
    const recent = edits.filter(({ at }) => Date.parse(at) >= since).map(markOfEdit);
    this.postMarks(recent.filter((mark) => this.history.mark(mark)));
  }

  private async read(): Promise<void> {
    const reading = ++this.reading;
    let report: LimitsReport;
    try {
      report = await this.helper.request(ReadLimits, this.target);
    } catch (error) {
      if (reading === this.reading && codeOf(error) === ErrorCode.NotFound) this.becomeGone();
      else if (reading === this.reading) throw error;
      return;
    }
    if (reading === this.reading) this.show(report);
  }

  private readAgain(): void {
    if (this.ready) this.read().catch((error: unknown) => this.fail(error));
  }

  private async preview(request: number, changes: LimitChange[]): Promise<void> {
    try {
      const preview = await this.helper.request(PreviewLimits, { target: this.target, changes });
      this.post({ type: 'preview', request, preview });
    } catch (error) {
      const { message, data } = describeError(error);
      this.post({ type: 'preview', request, refused: sentences(message, data.cause, data.fix) });
    }
  }

  private set(changes: LimitChange[], how: How) {
    return this.helper.request(SetLimits, {
      target: this.target,
      changes,
      ...(how === 'restart' && { until: 'restart' as const }),
      ...(how === 'trial' && { trySeconds: trialSeconds }),
    });
  }

  /** Makes an edit, and shows what the kernel made of it as the answer to the form's request. */
  private async change(request: number, make: () => Promise<{ report: LimitsReport; edit: LimitEdit }>): Promise<void> {
    this.asking++;
    try {
      const { report, edit } = await make();
      this.own.add(edit.id);
      this.reading++;
      this.show(report, request);
      this.mark(edit);
    } finally {
      this.asking--;
    }
  }

  /** @param answers  the number of the form's request that this is the answer to */
  private show(report: LimitsReport, answers?: number): void {
    if (this.gone || this.report?.live !== report.live) this.history.restart();
    this.report = report;
    this.gone = false;
    this.panel.title = l10n.t('Limits: {0}', plainText(report.title, 60));
    this.post({
      type: 'report',
      report,
      ...(report.trial && { trialLeft: Math.max(0, Date.parse(report.trial.rollsBackAt) - Date.now()) }),
      ...(answers !== undefined && { answers }),
      ...(this.announcement !== undefined && { announce: this.announcement }),
    });
    if (this.ready) this.announcement = undefined;
    this.watch();
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

  private becomeGone(): void {
    this.gone = true;
    const message =
      'container' in this.target
        ? l10n.t('This container has been removed.')
        : 'group' in this.target
          ? l10n.t('This group of containers is gone.')
          : l10n.t('This control group is gone: its processes have ended, or somebody removed it.');
    this.post({ type: 'gone', message });
    this.watch();
  }

  private limitsChanged(target: LimitTarget, edit: LimitEdit): void {
    if (![this.key, this.report && targetKey(this.report.target)].includes(targetKey(target))) {
      // A group above may have become tighter, or let more through.
      if (!('container' in target)) this.readAgain();
      return;
    }
    this.mark(edit);
    // An edit of one's own is announced by its answer; a roll back is nobody's answer.
    const foreign = edit.kind === 'rollback' || (this.asking === 0 && !this.own.has(edit.id));
    if (foreign) this.announcement = describeForeignEdit(edit);
    this.readAgain();
  }

  private mark(edit: LimitEdit): void {
    const mark = markOfEdit(edit);
    if (this.history.mark(mark)) this.postMarks([mark]);
  }

  private postMarks(marks: Mark[]): void {
    if (marks.length > 0) this.post({ type: 'marks', marks });
  }

  private sampled(all: readonly DetailedStats[]): void {
    const details = all.find(({ target }) => targetKey(target) === this.key);
    if (details === undefined || this.report === undefined) return;
    if (details.gone === true) {
      this.readAgain();
      return;
    }
    const { sample, marks } = this.history.add(details, boundsOf(this.report));
    this.post({ type: 'sample', sample, marks, details });
  }

  private containersChanged(containers: readonly ContainerSummary[]): void {
    if (!('container' in this.target)) {
      // The first container of a group brings its control group, the last one takes it along.
      if (this.gone || 'group' in this.target) this.readAgain();
      return;
    }
    const { container } = this.target;
    const summary = containers.find(({ id }) => id === container);
    if (summary === undefined) {
      if (!this.gone) this.becomeGone();
      return;
    }
    // Starting and stopping change what a limit means, and whether there is anything to watch.
    const changed = this.state !== summary.state || this.report?.title !== summary.name;
    this.state = summary.state;
    if (changed) this.readAgain();
  }

  /** The page of a hidden panel is thrown away; it says `ready` again when it is loaded anew. */
  private visibilityChanged(): void {
    if (this.panel.visible) return;
    this.ready = false;
    this.watch();
  }

  private watch(): void {
    const live = this.ready && !this.gone && this.report?.live === true;
    this.helper.statistics.set(this, [], live ? [this.target] : []);
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

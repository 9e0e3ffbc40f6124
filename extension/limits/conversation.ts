import { type Disposable, l10n } from 'vscode';
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
import { describeForeignEdit, trialSeconds } from './actions.js';
import { codeOf, describeError, sentences } from './failureText.js';
import { boundsOf, History, type Mark, markOfEdit } from './history.js';
import type { How, MessageFromForm, MessageToForm } from './messages.js';
import { isForeign, marksOfEdits, newsOfContainers, relationOf } from './news.js';
import { targetKey } from './target.js';

/** What the form needs of the helper's client. */
export type LimitsHelper = Pick<HelperClient, 'request' | 'onNotification' | 'statistics' | 'onDidChangeState'>;

/** The page of the form. */
export interface FormPage {
  /** It has been loaded and can be seen. */
  isReady(): boolean;
  /** Tells it something; nothing while it is not ready. */
  post(message: MessageToForm): void;
  entitle(name: string): void;
}

/** What the form asks the helper for; the rest of what it says is about its panel. */
export type Wish = Extract<MessageFromForm, { type: 'reload' | 'preview' | 'apply' | 'undo' | 'keep' }>;

/** How much of the past the graphs show. */
const historyMinutes = 5;

/**
 * What a form and the helper have to tell each other about one target. It watches use only while the page is ready; what
 * it has seen it keeps while the page is away.
 */
export class Conversation implements Disposable {
  private readonly disposables: Disposable[];
  private readonly history = new History(historyMinutes);
  private gone = false;
  /** Of a container. */
  private state: string | undefined;
  private report: LimitsReport | undefined;
  private failure: ErrorData | undefined;
  /** Answers may overtake each other; only the latest reading is shown. */
  private reading = 0;
  /** Edits that this form asked for, by id, and how many it still awaits the answer of. */
  private readonly own = new Set<string>();
  private asking = 0;
  /** What others did, to be said with the next reading: one that is overtaken is not shown. */
  private announcement: string | undefined;

  constructor(
    private readonly helper: LimitsHelper,
    private readonly target: LimitTarget,
    private readonly page: FormPage,
  ) {
    const key = targetKey(target);
    this.disposables = [
      helper.onDidChangeState(({ kind }) => {
        // A new helper: what was known of the old one is void.
        if (kind === 'ready') this.readAgain();
      }),
      helper.onNotification(ContainersChanged, ({ containers }) => this.containersChanged(containers)),
      helper.onNotification(LimitsChanged, ({ target: changed, edit }) => this.limitsChanged(changed, edit)),
      helper.onNotification(DetailsSampled, ({ details }) =>
        this.sampled(details.find((one) => targetKey(one.target) === key)),
      ),
      helper.onNotification(LimitReached, ({ summary, limit, count, message }) => {
        if (key !== targetKey({ container: summary.id }) || limit !== 'memory.max') return;
        this.postMarks(this.history.markKill(Date.now(), count, message));
      }),
    ];
  }

  dispose(): void {
    this.helper.statistics.set(this, []);
    for (const disposable of this.disposables) disposable.dispose();
  }

  /** Tells a page that was just loaded what was seen before it. */
  recall(): void {
    this.page.post({ type: 'history', samples: [...this.history.samples], marks: [...this.history.marks] });
  }

  /** Tells of edits while nobody looked. */
  async recallEdits(): Promise<void> {
    if (this.gone) return;
    const edits = await this.helper.request(ListLimitEdits, { target: this.target });
    const marks = marksOfEdits(edits, Date.now() - historyMinutes * 60_000);
    this.postMarks(marks.filter((mark) => this.history.mark(mark)));
  }

  /** Shows what the kernel has now. */
  async read(): Promise<void> {
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

  async fulfil(wish: Wish): Promise<void> {
    const { target } = this;
    switch (wish.type) {
      case 'reload':
        await this.read();
        break;
      case 'preview':
        await this.preview(wish.request, wish.changes);
        break;
      case 'apply':
        await this.change(wish.request, () => this.set(wish.changes, wish.how));
        break;
      case 'undo':
        await this.change(wish.request, () => this.helper.request(UndoLimits, { target }));
        break;
      case 'keep': {
        const report = await this.helper.request(KeepLimits, { target, edit: wish.edit });
        this.reading++;
        this.show(report, wish.request);
        break;
      }
    }
  }

  /** Says why something failed. @param request  the number of the form's request that did */
  fail(error: unknown, request?: number): void {
    const { message, data } = describeError(error);
    this.failure = data;
    this.page.post({
      type: 'failed',
      message,
      cause: data.cause,
      fix: data.fix,
      command: data.command,
      ...(request !== undefined && { request }),
    });
  }

  /** What to do about a limit, the notice above the form, or the latest failure. */
  remedy(of: Extract<MessageFromForm, { type: 'copyRemedy' }>['of']): string | undefined {
    if (of === 'notice') return this.report?.notice?.remedy;
    if (of === 'failure') return this.failure?.command;
    return this.report?.readings.find(({ name }) => name === of)?.unavailable?.remedy;
  }

  /** Has use counted while there is any and somebody sees it, and not otherwise. */
  watch(): void {
    const live = this.page.isReady() && !this.gone && this.report?.live === true;
    this.helper.statistics.set(this, [], live ? [this.target] : []);
  }

  private readAgain(): void {
    if (this.page.isReady()) this.read().catch((error: unknown) => this.fail(error));
  }

  private async preview(request: number, changes: LimitChange[]): Promise<void> {
    try {
      const preview = await this.helper.request(PreviewLimits, { target: this.target, changes });
      this.page.post({ type: 'preview', request, preview });
    } catch (error) {
      const { message, data } = describeError(error);
      this.page.post({ type: 'preview', request, refused: sentences(message, data.cause, data.fix) });
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
    this.page.entitle(report.title);
    this.page.post({
      type: 'report',
      report,
      ...(report.trial && { trialLeft: Math.max(0, Date.parse(report.trial.rollsBackAt) - Date.now()) }),
      ...(answers !== undefined && { answers }),
      ...(this.announcement !== undefined && { announce: this.announcement }),
    });
    if (this.page.isReady()) this.announcement = undefined;
    this.watch();
  }

  private becomeGone(): void {
    this.gone = true;
    this.page.post({ type: 'gone', message: goneText(this.target) });
    this.watch();
  }

  private limitsChanged(target: LimitTarget, edit: LimitEdit): void {
    const relation = relationOf(this.known, target);
    if (relation === 'other') return;
    if (relation === 'same') {
      this.mark(edit);
      if (isForeign(edit, this.own, this.asking)) this.announcement = describeForeignEdit(edit);
    }
    this.readAgain();
  }

  private mark(edit: LimitEdit): void {
    const mark = markOfEdit(edit);
    if (this.history.mark(mark)) this.postMarks([mark]);
  }

  private postMarks(marks: Mark[]): void {
    if (marks.length > 0) this.page.post({ type: 'marks', marks });
  }

  private sampled(details: DetailedStats | undefined): void {
    if (details === undefined || this.report === undefined) return;
    if (details.gone === true) {
      this.readAgain();
      return;
    }
    const { sample, marks } = this.history.add(details, boundsOf(this.report));
    this.page.post({ type: 'sample', sample, marks, details });
  }

  private containersChanged(containers: readonly ContainerSummary[]): void {
    const { news, state } = newsOfContainers(this.known, containers);
    this.state = state;
    if (news === 'gone') this.becomeGone();
    else if (news === 'changed') this.readAgain();
  }

  private get known() {
    const { target, report, gone, state } = this;
    return { target, report, gone, state };
  }
}

function goneText(target: LimitTarget): string {
  if ('container' in target) return l10n.t('This container has been removed.');
  if ('group' in target) return l10n.t('This group of containers is gone.');
  return l10n.t('This control group is gone: its processes have ended, or somebody removed it.');
}

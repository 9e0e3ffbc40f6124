import { type Disposable, env, l10n, type Uri, ViewColumn, type WebviewPanel, window } from 'vscode';
import type { LimitTarget } from '../../helper/protocol/limits.js';
import { plainText } from '../text/untrusted.js';
import { pageResources, webviewOptions } from '../webviews/resources.js';
import { Conversation, type FormPage, type LimitsHelper } from './conversation.js';
import { limitsPage } from './html.js';
import { type MessageFromForm, type MessageToForm, messageFromForm } from './messages.js';
import { targetKey } from './target.js';

export const viewType = 'terrarium.limits';

/** The panel with the form for the limits of one container, group of containers or control group. */
export class LimitsPanel implements FormPage {
  readonly key: string;
  private readonly disposables: Disposable[] = [];
  private readonly conversation: Conversation;
  private ready = false;
  /** The field that shall have the cursor once the page can take it. */
  private focused: string | undefined;

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
    helper: LimitsHelper,
    target: LimitTarget,
    title: string,
  ) {
    this.key = targetKey(target);
    this.conversation = new Conversation(helper, target, this);
    panel.title = title;
    panel.onDidDispose(() => this.dispose(), undefined, this.disposables);
    panel.onDidChangeViewState(() => this.visibilityChanged(), undefined, this.disposables);
    panel.webview.onDidReceiveMessage((message: unknown) => this.receive(message), undefined, this.disposables);
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

  isReady(): boolean {
    return this.ready;
  }

  post(message: MessageToForm): void {
    if (!this.ready) return;
    // Answers false when the page has gone meanwhile: it then asks again itself.
    void this.panel.webview.postMessage(message);
  }

  entitle(name: string): void {
    this.panel.title = l10n.t('Limits: {0}', plainText(name, 60));
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
    this.handle(parsed.data).catch((error: unknown) => this.conversation.fail(error, request));
  }

  private async handle(message: MessageFromForm): Promise<void> {
    switch (message.type) {
      case 'ready':
        await this.begin();
        break;
      case 'close':
        this.panel.dispose();
        break;
      case 'copyRemedy': {
        const text = this.conversation.remedy(message.of);
        if (text === undefined) return;
        await env.clipboard.writeText(text);
        window.setStatusBarMessage(l10n.t('Remedy copied'), 3000);
        break;
      }
      default:
        await this.conversation.fulfil(message);
    }
  }

  private async begin(): Promise<void> {
    this.ready = true;
    this.conversation.recall();
    await this.conversation.read();
    this.postFocus();
    await this.conversation.recallEdits();
  }

  /** The page of a hidden panel is thrown away; it says `ready` again when it is loaded anew. */
  private visibilityChanged(): void {
    if (this.panel.visible) return;
    this.ready = false;
    this.conversation.watch();
  }

  private dispose(): void {
    this.ready = false;
    this.conversation.dispose();
    for (const disposable of this.disposables) disposable.dispose();
  }
}

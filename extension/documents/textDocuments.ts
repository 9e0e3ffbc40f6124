import { type Disposable, EventEmitter, Uri, window, workspace } from 'vscode';
import { showMarkdown } from './showMarkdown.js';

/** Read-only documents made on demand: what is behind an URI is asked for when it is shown, and again on refresh. */
export class TextDocuments implements Disposable {
  private readonly changed = new EventEmitter<Uri>();
  private readonly registration: Disposable;

  /**
   * @param scheme of the URIs
   * @param read gives the text for what a document is about, such as a container's id
   */
  constructor(
    private readonly scheme: string,
    read: (subject: string) => Promise<string>,
  ) {
    this.registration = workspace.registerTextDocumentContentProvider(scheme, {
      onDidChange: this.changed.event,
      provideTextDocumentContent: (uri) => read(new URLSearchParams(uri.query).get('subject') ?? ''),
    });
  }

  /** Shows the document about something under a file name, freshly read. */
  async show(subject: string, fileName: string): Promise<void> {
    await window.showTextDocument(await workspace.openTextDocument(this.fresh(subject, fileName)), { preview: true });
  }

  /** As `show`, for Markdown: as it is meant to be read. */
  async showRendered(subject: string, fileName: string): Promise<void> {
    await showMarkdown(this.fresh(subject, fileName));
  }

  private fresh(subject: string, fileName: string): Uri {
    const query = new URLSearchParams({ subject }).toString();
    const uri = Uri.from({ scheme: this.scheme, path: `/${fileName}`, query });
    this.changed.fire(uri);
    return uri;
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}

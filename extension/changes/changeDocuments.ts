import { type Disposable, EventEmitter, Uri, workspace } from 'vscode';
import { type Change, type FileEntry, type FileReference, StatFile } from '../../helper/protocol/index.js';
import { fileError } from '../files/fileErrors.js';
import type { HelperClient } from '../helperClient.js';
import type { ChangesControl } from './changesControl.js';
import { changeDocument } from './changeText.js';

const scheme = 'terrarium-change';

/** Read-only documents that say in words what a change is, where no text can be compared. */
export class ChangeDocuments implements Disposable {
  private readonly changed = new EventEmitter<Uri>();
  private readonly registration: Disposable;

  constructor(
    private readonly helper: HelperClient,
    changes: ChangesControl,
  ) {
    this.registration = workspace.registerTextDocumentContentProvider(scheme, {
      onDidChange: this.changed.event,
      provideTextDocumentContent: async ({ query }) => {
        const parameters = new URLSearchParams(query);
        const [container, path] = [parameters.get('container') ?? '', parameters.get('path') ?? ''];
        const change = changes.container === container ? changes.find(path) : undefined;
        return change ? this.read(container, change) : `${path} is as it was.\n`;
      },
    });
  }

  /** The document of a change, read anew when it is open already. */
  uri(container: string, change: Change): Uri {
    const query = new URLSearchParams({ container, path: change.path }).toString();
    const uri = Uri.from({ scheme, path: `${change.path}.change`, query });
    this.changed.fire(uri);
    return uri;
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }

  private async read(container: string, change: Change): Promise<string> {
    const [before, after] = await Promise.all([
      change.kind === 'added'
        ? undefined
        : this.entry({ root: { kind: 'base', container }, path: change.from ?? change.path }),
      change.kind === 'deleted' ? undefined : this.entry({ root: { kind: 'container', container }, path: change.path }),
    ]);
    return changeDocument(change, before, after);
  }

  /** Undefined: it is not there (any more). */
  private async entry(reference: FileReference): Promise<FileEntry | undefined> {
    try {
      return await this.helper.request(StatFile, reference);
    } catch (error) {
      if (fileError(error).kind === 'FileNotFound') {
        return undefined;
      }
      throw error;
    }
  }
}

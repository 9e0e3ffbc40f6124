import { readFile, realpath, stat } from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  commands,
  l10n,
  type Memento,
  ProgressLocation,
  Range,
  type TextDocument,
  type Uri,
  window,
  workspace,
} from 'vscode';
import {
  type ContainerSpecification,
  ErrorCode,
  RunContainer,
  type StartResult,
  terrariumError,
} from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { messageText, plainText } from '../text/untrusted.js';
import { Agreements } from './agreements.js';
import { type HostAccess, judgeHostAccess, type ProtectedPlace, protectedPlaces } from './hostAccess.js';
import { parseText } from './parse.js';

export interface LaunchContext {
  helper: Pick<HelperClient, 'request'>;
  /** Where agreements are kept: they count for this workspace only. */
  state: Memento;
  /** Opens a terminal on what was started. */
  attach(result: StartResult): Promise<void>;
}

/**
 * Makes and starts the container of a specification file and attaches to it. What the file reaches of the machine is
 * shown and agreed to before; in a workspace that is not trusted nothing is launched at all. Rejects with what the
 * helper says, or with one sentence.
 */
export async function launchSpecification(uri: Uri, context: LaunchContext): Promise<void> {
  if (!workspace.isTrusted) {
    await refuseUntrusted();
    return;
  }
  const document = await workspace.openTextDocument(uri);
  const text = document.getText();
  const value = await read(document, text);
  const access = await judgeHostAccess(text, value, {
    folder: path.dirname(uri.fsPath),
    home: os.homedir(),
    protected: await realPlaces(),
    realpath: resolveLinks,
    readValue: readJson,
  });
  if (access.refused.length > 0) {
    throw terrariumError(
      ErrorCode.Invalid,
      l10n.t(
        'What it mounts is not given to specification files: {0}',
        access.refused.map((one) => plainText(one)).join('; '),
      ),
    );
  }
  const name = path.basename(uri.path);
  if (!(await isAgreed(name, access, context.state))) return;
  const result = await window.withProgress(
    { location: ProgressLocation.Notification, title: l10n.t('Launching {0}', messageText(name)), cancellable: true },
    (_progress, token) =>
      // The helper checks the whole of it again, against the schema.
      context.helper.request(RunContainer, { specification: access.specification as ContainerSpecification }, token),
  );
  await context.attach(result);
}

/** More than any seccomp profile has. */
const largestFile = 1024 * 1024;

async function readJson(file: string): Promise<unknown> {
  const invalid = (why: string) =>
    terrariumError(ErrorCode.Invalid, l10n.t('{0} cannot be read: {1}', plainText(file), why));
  let text: string;
  try {
    if ((await stat(file)).size > largestFile) throw new Error(l10n.t('it is too large'));
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  const parsed = parseText(text);
  if (parsed.ok) return parsed.value;
  throw invalid(l10n.t('line {0}: {1}', text.slice(0, parsed.offset).split('\n').length, parsed.message));
}

async function refuseUntrusted(): Promise<void> {
  const manage = l10n.t('Manage Workspace Trust');
  const chosen = await window.showErrorMessage(
    l10n.t('Files of a workspace that is not trusted launch no containers.'),
    manage,
  );
  if (chosen === manage) await commands.executeCommand('workbench.trust.manage');
}

/** The value of the file; shows where it is broken when it is. */
async function read(document: TextDocument, text: string): Promise<unknown> {
  const parsed = parseText(text);
  if (parsed.ok) return parsed.value;
  const start = document.positionAt(parsed.offset);
  await window.showTextDocument(document, {
    selection: new Range(start, document.positionAt(parsed.offset + parsed.length)),
  });
  throw terrariumError(
    ErrorCode.Invalid,
    l10n.t('line {0}, column {1}: {2}', start.line + 1, start.character + 1, parsed.message),
  );
}

async function isAgreed(name: string, access: HostAccess, state: Memento): Promise<boolean> {
  if (access.items.length === 0) return true;
  const agreements = new Agreements(state);
  if (agreements.has(access.key)) return true;
  const launch = l10n.t('Launch');
  const chosen = await window.showWarningMessage(
    l10n.t('“{0}” reaches outside of its container. Launch it?', messageText(name)),
    {
      modal: true,
      detail: [
        ...access.items.map((item) => `• ${plainText(item, 400)}`),
        '',
        l10n.t('You are asked again when the file changes, or what its links lead to.'),
      ].join('\n'),
    },
    launch,
  );
  if (chosen !== launch) return false;
  await agreements.add(access.key);
  return true;
}

/** The protected places, also by their real paths: links on the way there must not hide them. */
export async function realPlaces(): Promise<ProtectedPlace[]> {
  const home = os.homedir();
  const data = process.env.XDG_DATA_HOME ?? path.join(home, '.local/share');
  const places = protectedPlaces(home, process.env.XDG_RUNTIME_DIR, data);
  // Where no private runtime folder is, the helper has its sockets here. Only then is all of /tmp too much to mount.
  const fallback = `/tmp/terrarium-${os.userInfo().uid}`;
  if ((await resolveLinks(fallback)) !== undefined) {
    places.push({ path: fallback, reason: l10n.t('containers may not change what makes containers') });
  }
  const real = await Promise.all(
    places.map(async (place) => {
      const resolved = await resolveLinks(place.path);
      return resolved === undefined ? [] : [{ ...place, path: resolved }];
    }),
  );
  return [...places, ...real.flat()];
}

/** The real path; undefined when nothing is there. What may not be looked at is an error: it cannot be judged. */
export async function resolveLinks(file: string): Promise<string | undefined> {
  try {
    return await realpath(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The helper as a language server for specification files and seccomp profiles: diagnostics, completion, hovers and the lens to launch. */
import { homedir } from 'node:os';
import * as path from 'node:path';
import {
  type CodeLens,
  type Connection,
  type Diagnostic,
  DiagnosticSeverity,
  type Hover,
  type ServerCapabilities,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver/node';
import { type Position, TextDocument } from 'vscode-languageserver-textdocument';
import type { Machine } from '../container/machine.js';
import { TrustGranted } from '../protocol/index.js';
import type { Completer } from './completer.js';
import { readText, type Span, type SpecificationText, type Written, writtenAt } from './document.js';
import { type Facts, type FilePlace, gatherFacts } from './facts.js';
import { hoverText } from './hover.js';
import { findProblems, type Problem, type Reading, readSpecification, type Severity } from './problems.js';
import { profileHover } from './profileHover.js';
import { findProfileProblems, isProfileFile } from './seccompFile.js';

export const languageCapabilities: ServerCapabilities = {
  textDocumentSync: TextDocumentSyncKind.Incremental,
  completionProvider: { triggerCharacters: ['"', ':', ' '] },
  hoverProvider: true,
  codeLensProvider: {},
};

/** Milliseconds without a keystroke until a file is judged again. */
const pause = 200;

const severities: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
};

/** Speaks about the files that a client opens; does nothing while none is open. */
export class SpecificationLanguage {
  private readonly documents = new TextDocuments(TextDocument);
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private completer: Promise<Completer> | undefined;
  private trusted = true;

  constructor(
    private readonly connection: Connection,
    private readonly machine: Machine,
  ) {
    this.documents.onDidChangeContent(({ document }) => this.judgeSoon(document.uri));
    this.documents.onDidClose(({ document: { uri } }) => {
      clearTimeout(this.timers.get(uri));
      this.timers.delete(uri);
      void connection.sendDiagnostics({ uri, diagnostics: [] });
    });
    connection.onNotification(TrustGranted, () => {
      this.trusted = true;
      this.refresh();
    });
    connection.onCompletion(async ({ textDocument: { uri }, position }) => {
      const document = this.documents.get(uri);
      if (document === undefined) return null;
      this.completer ??= import('./completer.js').then(({ Completer }) => new Completer());
      if (isProfileFile(uri)) return (await this.completer).completeProfile(document, position);
      const { facts } = await this.look(document);
      return (await this.completer).complete(document, position, facts);
    });
    connection.onHover(({ textDocument: { uri }, position }) => this.hover(uri, position));
    connection.onCodeLens(({ textDocument: { uri } }) => {
      const document = this.documents.get(uri);
      return document === undefined || isProfileFile(uri) ? [] : [launchLens(document)];
    });
    this.documents.listen(connection);
  }

  /** What the client says of the workspace. In one that is not trusted, paths that a file names are not looked at. */
  begin(options: unknown): void {
    const isUntrusted = typeof options === 'object' && options !== null && 'trusted' in options && !options.trusted;
    this.trusted = !isUntrusted;
  }

  /** Containers or images have changed: files are judged by them. */
  refresh(): void {
    // One that is about to be judged is not put off: containers may come and go all the time.
    for (const uri of this.documents.keys()) if (!this.timers.has(uri)) this.judgeSoon(uri);
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private judgeSoon(uri: string): void {
    clearTimeout(this.timers.get(uri));
    const timer = setTimeout(() => {
      this.timers.delete(uri);
      this.judge(uri).catch((error: unknown) =>
        this.connection.console.warn(`${uri} was not judged: ${String(error)}`),
      );
    }, pause);
    this.timers.set(uri, timer);
  }

  private async judge(uri: string): Promise<void> {
    const document = this.documents.get(uri);
    if (document === undefined) return;
    const { version } = document;
    const { text, problems } = await this.problemsOf(document);
    // Changed or closed meanwhile: what was found is about another text.
    if (this.documents.get(uri)?.version !== version) return;
    // What is missing in a text that cannot be read is not known; the editor itself shows where it is broken.
    const shown = text.syntaxErrors.length > 0 ? [] : problems;
    const diagnostics = shown.map((problem) => diagnosticOf(document, problem));
    await this.connection.sendDiagnostics({ uri, version, diagnostics });
  }

  private async problemsOf(document: TextDocument): Promise<{ text: SpecificationText; problems: Problem[] }> {
    if (isProfileFile(document.uri)) {
      const text = readText(document.getText());
      return { text, problems: findProfileProblems(text) };
    }
    const { text, reading, facts } = await this.look(document);
    return { text, problems: findProblems(text, reading, facts) };
  }

  private async hover(uri: string, position: Position): Promise<Hover | null> {
    const document = this.documents.get(uri);
    if (document === undefined) return null;
    const written = writtenAt(readText(document.getText()), document.offsetAt(position));
    const value = written && (await this.hoverValue(document, written));
    if (written === undefined || value === undefined) return null;
    return { contents: { kind: 'markdown', value }, range: rangeOf(document, written.span) };
  }

  private async hoverValue(document: TextDocument, written: Written): Promise<string | undefined> {
    if (isProfileFile(document.uri)) return profileHover(written);
    const { reading, facts } = await this.look(document);
    return hoverText(written, reading.specification, facts);
  }

  private async look(document: TextDocument): Promise<{ text: SpecificationText; reading: Reading; facts: Facts }> {
    const place: FilePlace = {
      folder: path.dirname(decodeURIComponent(new URL(document.uri).pathname)),
      home: homedir(),
      trusted: this.trusted,
    };
    const text = readText(document.getText());
    const reading = readSpecification(text, place);
    return { text, reading, facts: await gatherFacts(this.machine, reading.specification, place) };
  }
}

const rangeOf = (document: TextDocument, { start, end }: Span) => ({
  start: document.positionAt(start),
  end: document.positionAt(end),
});

function diagnosticOf(document: TextDocument, { span, severity, message }: Problem): Diagnostic {
  return { range: rangeOf(document, span), severity: severities[severity], message, source: 'terrarium' };
}

/** Above the specification itself, below comments that precede it. What may be launched is the client's to decide. */
function launchLens(document: TextDocument): CodeLens {
  const { root } = readText(document.getText());
  const start = root?.offset ?? 0;
  return {
    range: rangeOf(document, { start, end: start }),
    command: { title: '$(play) Launch', command: 'terrarium.launchSpecification', arguments: [document.uri] },
  };
}

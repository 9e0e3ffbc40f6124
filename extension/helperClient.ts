import * as path from 'node:path';
import {
  type CancellationToken,
  type Disposable,
  EventEmitter,
  type ExtensionContext,
  type LogOutputChannel,
  l10n,
  workspace,
} from 'vscode';
import {
  CloseAction,
  type CloseHandlerResult,
  ErrorAction,
  type ErrorHandlerResult,
  LanguageClient,
  type NotificationType,
  type ProgressType,
  type RequestType,
  RequestType0,
  RevealOutputChannelOn,
} from 'vscode-languageclient/node';
import {
  type InitializationOptions,
  TrustGranted,
  WatchStats,
  type WatchStatsParams,
} from '../helper/protocol/index.js';
import type { ConnectionState } from './connection/connectionState.js';
import { helperEnvironment } from './connection/helperEnvironment.js';
import { RestartPolicy } from './connection/restartPolicy.js';
import { StatisticsWatch } from './connection/statisticsWatch.js';
import { specificationFiles } from './specification/files.js';

/** A language client that leaves telling people to us: views and one notification, instead of one per failure. */
class QuietLanguageClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

type Listener = (params: unknown) => void;

/**
 * The one connection to the helper. It is started by the first request or `start`, restarted when the helper dies,
 * and given up, with the reason in `state`, when it keeps dying.
 */
export class HelperClient implements Disposable {
  private client: LanguageClient | undefined;
  private starting: Promise<void> | undefined;
  private readonly policy = new RestartPolicy();
  // The language client keeps one handler per method; several parts of the extension listen to the same ones.
  private readonly listeners = new Map<string, Set<Listener>>();
  private readonly stateChanged = new EventEmitter<ConnectionState>();
  private current: ConnectionState;
  private readonly trust = workspace.onDidGrantWorkspaceTrust(() => {
    this.tellOfTrust().catch((error: unknown) => this.log.warn(`Telling of trust: ${errorText(error)}`));
  });

  /** What is sampled, for all parts of the extension together. */
  readonly statistics = new StatisticsWatch((containers, details) => this.sendWatch({ containers, details }));

  /** Fires on every change of `state`; `ready` also after a restart, when what was known of the helper is void. */
  readonly onDidChangeState = this.stateChanged.event;

  constructor(
    private readonly context: ExtensionContext,
    private readonly log: LogOutputChannel,
    platform: string,
  ) {
    this.current = platform === 'linux' ? { kind: 'idle' } : { kind: 'unsupported', platform };
  }

  get state(): ConnectionState {
    return this.current;
  }

  /** Starts the helper if it does not run. Rejects, with the reason also in `state`, when that fails. */
  start(): Promise<void> {
    switch (this.current.kind) {
      case 'ready':
        return Promise.resolve();
      case 'unsupported':
        return Promise.reject(
          new Error(l10n.t('Containers are a feature of the Linux kernel; this is another system.')),
        );
      case 'failed':
        return Promise.reject(new Error(this.current.reason));
      default:
        this.starting ??= this.connect().finally(() => {
          this.starting = undefined;
        });
        return this.starting;
    }
  }

  /** Ends the helper if it runs and starts a new one. Containers live on: they have monitors of their own. */
  async restart(): Promise<void> {
    if (this.current.kind === 'unsupported') {
      return this.start();
    }
    this.policy.reset();
    await Promise.allSettled([this.starting]);
    const previous = this.client;
    this.client = undefined;
    this.become({ kind: 'idle' });
    await stopQuietly(previous, this.log);
    await this.start();
  }

  /** Sends a request of the protocol. Rejects with a `ResponseError` whose data is `ErrorData`. */
  async request<R, E>(type: RequestType0<R, E>, token?: CancellationToken): Promise<R>;
  async request<P, R, E>(type: RequestType<P, R, E>, params: P, token?: CancellationToken): Promise<R>;
  async request<P, R, E>(
    type: RequestType0<R, E> | RequestType<P, R, E>,
    first?: P | CancellationToken,
    second?: CancellationToken,
  ): Promise<R> {
    await this.start();
    const client = this.running();
    if (type instanceof RequestType0) {
      return first === undefined
        ? client.sendRequest<R>(type.method)
        : client.sendRequest<R>(type.method, first as CancellationToken);
    }
    // A token that is undefined would be sent: as a second parameter, where handlers look for theirs.
    return second === undefined
      ? client.sendRequest<R>(type.method, first)
      : client.sendRequest<R>(type.method, first, second);
  }

  /** Listens to a notification, over restarts of the helper too. Does not start it. */
  onNotification<P>(type: NotificationType<P>, handler: (params: P) => void): Disposable {
    const listener = handler as Listener;
    const known = this.listeners.get(type.method);
    const set = known ?? new Set<Listener>();
    set.add(listener);
    if (!known) {
      this.listeners.set(type.method, set);
      if (this.client) {
        this.forward(this.client, type.method, set);
      }
    }
    return { dispose: () => set.delete(listener) };
  }

  /** Listens to the progress of one request, named by the token that went with it. */
  onProgress<P>(type: ProgressType<P>, token: string, handler: (progress: P) => void): Disposable {
    return this.running().onProgress(type, token, handler);
  }

  dispose(): void {
    this.trust.dispose();
    this.stateChanged.dispose();
  }

  /** Ends the helper, for the editor's `deactivate`. */
  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    this.current = { kind: 'idle' };
    await stopQuietly(client, this.log);
  }

  private async connect(): Promise<void> {
    this.become({ kind: 'starting' });
    const client = this.makeClient();
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      const ended = this.client !== client;
      const reason = ended ? l10n.t('It ended at once; its log says why.') : errorText(error);
      this.log.error(`The helper did not start: ${errorText(error)}`);
      this.client = undefined;
      this.become({ kind: 'failed', reason });
      throw new Error(l10n.t('The helper did not start. {0}', reason));
    }
    this.become({ kind: 'ready' });
  }

  private makeClient(): LanguageClient {
    const client: LanguageClient = new QuietLanguageClient(
      'terrarium',
      'Terrarium',
      {
        command: process.execPath,
        args: [this.context.asAbsolutePath(path.join('dist', 'helper.cjs')), '--stdio'],
        // Not the workspace: a folder that is deleted or renamed must not pull the ground from under the helper.
        options: { cwd: '/', env: helperEnvironment(process.env) },
      },
      {
        documentSelector: specificationFiles,
        outputChannel: this.log,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
        initializationOptions: { trusted: workspace.isTrusted } satisfies InitializationOptions,
        errorHandler: {
          error: (error, _message, count) => this.connectionError(error, count),
          closed: () => this.connectionClosed(client),
        },
        // Answers arrive with their own notification, made from their data.
        initializationFailedHandler: () => false,
      },
    );
    for (const [method, set] of this.listeners) {
      this.forward(client, method, set);
    }
    return client;
  }

  private forward(client: LanguageClient, method: string, set: ReadonlySet<Listener>): void {
    client.onNotification(method, (params: unknown) => {
      for (const listener of [...set]) {
        listener(params);
      }
    });
  }

  private connectionError(error: Error, count: number | undefined): ErrorHandlerResult {
    this.log.warn(`Connection to the helper: ${error.message}`);
    // A few damaged messages are survivable; a stream of them is not.
    return { action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown, handled: true };
  }

  private connectionClosed(client: LanguageClient): CloseHandlerResult {
    if (this.client !== client) {
      return { action: CloseAction.DoNotRestart, handled: true, message: 'The helper ended.' };
    }
    // The language client would restart in place; making a new one keeps a single way of starting.
    this.client = undefined;
    if (this.current.kind === 'starting') {
      // `connect` sees its start fail and says so: what dies at once would die at once again.
      return { action: CloseAction.DoNotRestart, handled: true };
    }
    if (this.policy.ended(Date.now())) {
      this.log.warn('The helper ended unexpectedly and is started again.');
      this.become({ kind: 'idle' });
      this.start().catch((error: unknown) => this.log.error(`Restart of the helper: ${errorText(error)}`));
    } else {
      this.become({ kind: 'failed', reason: l10n.t('The helper ended five times within three minutes.') });
    }
    return { action: CloseAction.DoNotRestart, handled: true, message: 'The helper ended.' };
  }

  private running(): LanguageClient {
    if (!this.client || this.current.kind !== 'ready') {
      throw new Error(l10n.t('The helper does not run.'));
    }
    return this.client;
  }

  /** One that starts after this is told when it starts. */
  private async tellOfTrust(): Promise<void> {
    await Promise.allSettled([this.starting]);
    if (this.current.kind === 'ready') await this.running().sendNotification(TrustGranted.method);
  }

  private sendWatch(params: WatchStatsParams): void {
    if (this.current.kind !== 'ready') {
      return;
    }
    this.request(WatchStats, params).catch((error: unknown) =>
      this.log.warn(`Watching statistics: ${errorText(error)}`),
    );
  }

  private become(state: ConnectionState): void {
    this.current = state;
    if (state.kind === 'ready') {
      // A new helper knows nothing of what its predecessor was asked to watch.
      this.statistics.resend();
    }
    this.stateChanged.fire(state);
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function stopQuietly(client: LanguageClient | undefined, log: LogOutputChannel): Promise<void> {
  if (!client) {
    return;
  }
  try {
    await client.stop();
  } catch (error) {
    // It was not running, or did not answer in time and gets killed: either way there is a new start to come.
    log.info(`Stopping the helper: ${errorText(error)}`);
  }
}

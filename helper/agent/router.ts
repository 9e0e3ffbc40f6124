import {
  type CancellationToken,
  type MessageConnection,
  type ProgressType,
  type RequestType,
  ResponseError,
} from 'vscode-jsonrpc';
import { ErrorCode, type ErrorData, terrariumError } from '../protocol/errors.js';

/** Milliseconds between two progress notifications. */
const progressInterval = 100;

/** A request of the agent. `progress` is the token under which the caller listens for reports, if it does. */
export type AgentRequest<P, R> = RequestType<P & { progress?: string }, R, ErrorData>;

export interface Handling<G> {
  signal: AbortSignal;
  /** Passes on what changes the phase, and otherwise no more than a person can see. Call it as often as you like. */
  report: (progress: G) => void;
}

type AnyHandler = (params: { progress?: string }, token: CancellationToken) => Promise<unknown>;

/** Answers requests of the helper: each family of requests registers its own. */
export class AgentRouter {
  constructor(private readonly connection: MessageConnection) {}

  /** @param progressType how `report` reaches the caller; without one it says nothing. */
  on<P extends object, R, G extends { phase: string } = never>(
    type: AgentRequest<P, R>,
    handle: (params: P, handling: Handling<G>) => Promise<R>,
    progressType?: ProgressType<G>,
  ): void {
    const answer: AnyHandler = async ({ progress, ...params }, token) => {
      const { signal, dispose } = signalOf(token);
      const report =
        progress === undefined || progressType === undefined ? () => undefined : this.reporter(progressType, progress);
      try {
        return await handle(params as P, { signal, report });
      } catch (error) {
        throw typed(error);
      } finally {
        dispose();
      }
    };
    this.connection.onRequest(type.method, answer);
  }

  private reporter<G extends { phase: string }>(type: ProgressType<G>, token: string): (progress: G) => void {
    let last = 0;
    let phase = '';
    return (progress) => {
      const now = performance.now();
      if (progress.phase !== phase || now - last >= progressInterval) {
        last = now;
        phase = progress.phase;
        void this.connection.sendProgress<unknown>(type, token, progress);
      }
    };
  }
}

function signalOf(token: CancellationToken): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const subscription = token.onCancellationRequested(() => controller.abort());
  if (token.isCancellationRequested) {
    controller.abort();
  }
  return { signal: controller.signal, dispose: () => subscription.dispose() };
}

function typed(error: unknown): ResponseError<unknown> {
  if (error instanceof ResponseError) {
    return error;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return terrariumError(ErrorCode.Internal, `The agent failed: ${error instanceof Error ? error.message : error}`);
}

import {
  type CancellationToken,
  type Connection,
  type RequestType,
  type RequestType0,
  ResponseError,
} from 'vscode-languageserver/node';
import { ErrorCode, type ErrorData, type TerrariumError, terrariumError } from '../protocol/index.js';

type Handler<P, R> = (params: P, token: CancellationToken) => R | Promise<R>;
/** What a connection needs to know of a handler: the request's type has already told the rest. */
type AnyHandler = (params: never, token: CancellationToken) => Promise<unknown>;

/** Registers handlers on a connection so that every failure reaches the client in one form. */
export class Router {
  constructor(
    private readonly connection: Pick<Connection, 'onRequest'>,
    private readonly log: (message: string) => void,
    /** Turns what several requests may meet into an error with a cause and a fix. */
    private readonly explain: (error: unknown) => Promise<TerrariumError | undefined>,
  ) {}

  on<P, R>(type: RequestType<P, R, ErrorData>, handler: Handler<P, R>): void {
    const guarded: AnyHandler = (params: P, token) => this.guard(type.method, () => handler(params, token));
    this.connection.onRequest(type.method, guarded);
  }

  on0<R>(type: RequestType0<R, ErrorData>, handler: (token: CancellationToken) => R | Promise<R>): void {
    // Without parameters the token comes alone.
    const guarded: AnyHandler = (first: unknown, second?: CancellationToken) =>
      this.guard(type.method, () => handler(second ?? (first as CancellationToken)));
    this.connection.onRequest(type.method, guarded);
  }

  private async guard<R>(method: string, work: () => R | Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ResponseError) throw error;
      const explained = await this.explain(error);
      if (explained !== undefined) throw explained;
      this.log(`${method}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      throw unforeseen(method, error);
    }
  }
}

/** Errors of system calls made by the helper itself keep their errno and path; the rest is a defect, and says so. */
function unforeseen(method: string, error: unknown) {
  const { code, path, syscall, message } = error as NodeJS.ErrnoException;
  const text = typeof message === 'string' ? message : String(error);
  if (typeof code === 'string' && /^E[A-Z0-9]+$/.test(code)) {
    return terrariumError(ErrorCode.Unavailable, `${method} failed: ${text}`, {
      errno: code,
      ...(syscall === undefined ? {} : { syscall }),
      ...(path === undefined ? {} : { path }),
      ...(remedies[code] ?? { cause: text }),
    });
  }
  return terrariumError(ErrorCode.Internal, `${method} failed: ${text}`, {
    cause: 'This is a defect in Terrarium.',
    fix: 'The output channel "Terrarium" has the details: please report them.',
  });
}

const remedies: Readonly<Record<string, Pick<ErrorData, 'cause' | 'fix' | 'doctor'>>> = {
  ENOSPC: {
    cause: 'The disk is full.',
    fix: 'Remove containers or images that are no longer needed, or make room.',
    doctor: 'data-folder',
  },
  EDQUOT: {
    cause: 'Your disk quota is used up.',
    fix: 'Remove containers or images that are no longer needed.',
    doctor: 'data-folder',
  },
  EROFS: {
    cause: 'The folder for containers is on a read-only file system.',
    fix: 'Set XDG_DATA_HOME to a folder that can be written.',
    doctor: 'data-folder',
  },
  EACCES: {
    cause: 'A folder of Terrarium cannot be accessed by this user.',
    fix: 'Make sure that it belongs to you.',
    doctor: 'data-folder',
  },
  EMFILE: { cause: 'Too many files are open.', fix: 'Raise the limit with ulimit -n and restart the editor.' },
};

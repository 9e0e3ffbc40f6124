/**
 * The image agent: a process of its own that writes and removes trees. It runs inside the user namespace of the
 * containers, where files of all mapped ids can be made, and may block while the helper must not. It executes
 * nothing, and ends when its standard input is closed.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  type CancellationToken,
  createMessageConnection,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { RemoveTree, UnpackLayer, UnpackProgressType } from './agentProtocol.js';
import { explained } from './failure.js';
import { removeTree } from './removeTree.js';
import { type UnpackProgress, unpack } from './unpack.js';

/** Milliseconds between two progress notifications. */
const progressInterval = 100;

const connection = createMessageConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);

connection.onRequest(UnpackLayer, async ({ progress, ...params }, token) => {
  const { signal, dispose } = signalOf(token);
  try {
    return await unpack(params, { signal, ...(progress === undefined ? {} : { onProgress: reporter(progress) }) });
  } catch (error) {
    throw typed(error);
  } finally {
    dispose();
  }
});

connection.onRequest(RemoveTree, async ({ path }) => {
  try {
    const parent = await open(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await removeTree(parent.fd, basename(path));
    } finally {
      await parent.close();
    }
    return null;
  } catch (error) {
    throw typed(explained(error, 'remove a tree', path));
  }
});

connection.onClose(() => process.exit(0));
connection.listen();

function signalOf(token: CancellationToken): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const subscription = token.onCancellationRequested(() => controller.abort());
  if (token.isCancellationRequested) {
    controller.abort();
  }
  return { signal: controller.signal, dispose: () => subscription.dispose() };
}

/** Passes on what changes the phase, and otherwise no more than a person can see. */
function reporter(token: string): (progress: UnpackProgress) => void {
  let last = 0;
  let phase = '';
  return (progress) => {
    const now = performance.now();
    if (progress.phase !== phase || now - last >= progressInterval) {
      last = now;
      phase = progress.phase;
      void connection.sendProgress(UnpackProgressType, token, progress);
    }
  };
}

function typed(error: unknown): ResponseError<unknown> {
  if (error instanceof ResponseError) {
    return error;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return terrariumError(
    ErrorCode.Internal,
    `The image agent failed: ${error instanceof Error ? error.message : error}`,
  );
}

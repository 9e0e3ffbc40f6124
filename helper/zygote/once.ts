import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import * as path from 'node:path';
import { answerSize, openAnswer } from '../plan/answer.js';
import { encodePlan } from '../plan/encode.js';
import type { Plan } from '../plan/step.js';
import type { Exchange } from './connection.js';
import { hasUserManager, runAsService, runOnce, ZygoteError } from './launch.js';

export interface OnceOptions {
  stage: string;
  runtime: string;
  log(message: string): void;
}

/** Longer than the stage gives what it enters. */
const limitMilliseconds = 20_000;

/**
 * Carries out one plan by a stage of its own, which sits in the helper's user namespace instead of the zygote's: from there
 * the user namespaces of all of this user's processes can be entered. Its monitor outlives the helper, as the zygote's do.
 * @throws ZygoteError when it could not be started, or gave no answer
 */
export async function carryOutOnce(options: OnceOptions, plan: Plan): Promise<Exchange> {
  const request = encodePlan(plan);
  if (hasUserManager(process.env)) {
    try {
      return await exchangeWith(options, true, request);
    } catch (error) {
      if (!(error instanceof NeverCame)) throw error;
      options.log(`systemd --user did not start the stage (${error.message}); starting it directly`);
    }
  }
  return exchangeWith(options, false, request);
}

/** Nobody has seen the plan. */
class NeverCame extends ZygoteError {}

async function exchangeWith(options: OnceOptions, service: boolean, request: Uint8Array): Promise<Exchange> {
  const socket = path.join(options.runtime, `once-${randomBytes(4).toString('hex')}.sock`);
  const abandoned = new AbortController();
  const caller = await listenOnce(socket);
  try {
    const command = [options.stage, 'once', '--connect', socket];
    const starter = service
      ? runAsService(command, abandoned.signal)
      : runOnce([...command, '--daemonize'], abandoned.signal);
    const connection = await Promise.race([caller.connection, starter.then(() => caller.connection)]).catch(
      (error: unknown) => {
        throw error instanceof ZygoteError ? new NeverCame(error.syscall, error.errno, error.message) : error;
      },
    );
    // It has come: how its starter ends is of no more interest.
    starter.catch(() => undefined);
    const response = await converse(connection, request);
    return { request, response, answer: openAnswer(response) };
  } finally {
    abandoned.abort();
    await caller.close();
  }
}

/** A socket for a single caller. */
async function listenOnce(socket: string): Promise<{ connection: Promise<Socket>; close(): Promise<void> }> {
  const server = createServer();
  let timer: NodeJS.Timeout | undefined;
  const connection = new Promise<Socket>((resolve, reject) => {
    server.once('connection', (socket) => {
      // Another one would be kept waiting, and the end of the server with it.
      server.close();
      resolve(socket);
    });
    server.once('error', reject);
    timer = setTimeout(
      () => reject(new ZygoteError('connect', 'ETIMEDOUT', 'the stage did not come')),
      limitMilliseconds,
    );
  });
  // Who waits for it may have given up before it comes.
  connection.catch(() => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return {
    connection,
    close: () => {
      clearTimeout(timer);
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Sends the plan, and resolves with what was answered by the time the answer is whole or the connection ends. */
function converse(connection: Socket, request: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let received = 0;
    const settle = () => {
      connection.destroy();
      resolve(Buffer.concat(parts));
    };
    connection.setTimeout(limitMilliseconds, () => {
      connection.destroy(new ZygoteError('recv', 'ETIMEDOUT', 'the stage gave no answer'));
    });
    connection.on('data', (part) => {
      parts.push(part);
      received += part.length;
      if (received === answerSize(Buffer.concat(parts))) settle();
    });
    connection.once('end', settle);
    connection.once('error', reject);
    connection.write(request);
  });
}

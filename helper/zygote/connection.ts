import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { connectUnix, peerCredentials } from '../../native/bindings/socket.js';
import { type Answer, answerSize, openAnswer } from '../plan/answer.js';
import { encodePlan } from '../plan/encode.js';
import type { Plan } from '../plan/step.js';

/**
 * Sends one plan to the zygote at `socket` and waits for what became of it. One connection carries one plan.
 * Rejects with the connection's own error (ENOENT, ECONNREFUSED) when no zygote is there.
 */
export async function sendPlan(socket: string, plan: Plan): Promise<Exchange> {
  const request = encodePlan(plan);
  const response = await exchange(socket, request);
  return { request, response, answer: openAnswer(response) };
}

/** A plan that was carried out: as it went over the wire, and what came back. */
export interface Exchange {
  request: Uint8Array;
  response: Uint8Array;
  answer: Answer;
}

/** Who listens at `socket`, by SO_PEERCRED; undefined when nobody does. Throws when it is another user. */
export async function findListener(socket: string): Promise<number | undefined> {
  let connection: number;
  try {
    connection = connectUnix(socket);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  }
  try {
    const { pid, uid } = peerCredentials(connection);
    if (uid !== process.getuid?.()) throw new Error(`${socket} belongs to user ${uid}`);
    return pid;
  } finally {
    closeSync(connection);
  }
}

/** Resolves with what was answered: as soon as it is whole, or at the end of the connection with what there is. */
function exchange(socket: string, request: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let received = 0;
    const connection = new Socket({ fd: connectUnix(socket), readable: true, writable: true });
    const settle = () => {
      connection.destroy();
      resolve(Buffer.concat(parts));
    };
    connection.on('data', (part) => {
      parts.push(part);
      received += part.length;
      const [first] = parts;
      // Nobody waits for the turns of the loop that it takes to see the end.
      if (first !== undefined && received === answerSize(first)) settle();
    });
    connection.once('end', settle);
    connection.once('error', reject);
    connection.write(request);
  });
}

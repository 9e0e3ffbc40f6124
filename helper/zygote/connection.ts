import { createConnection, type Socket } from 'node:net';
import { peerCredentials } from '../../native/bindings/socket.js';
import { type Answer, openAnswer } from '../plan/answer.js';
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
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket);
    connection.once('connect', () => {
      const { pid, uid } = peerCredentials(descriptorOf(connection));
      connection.destroy();
      if (uid === process.getuid?.()) resolve(pid);
      else reject(new Error(`${socket} belongs to user ${uid}`));
    });
    connection.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
  });
}

/** Node has no public way to a socket's descriptor. */
function descriptorOf(connection: Socket): number {
  const { _handle: handle } = connection as Socket & { _handle?: { fd?: number } };
  if (handle?.fd === undefined || handle.fd < 0) throw new Error('this Node does not tell the descriptor of a socket');
  return handle.fd;
}

function exchange(socket: string, request: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const connection = createConnection(socket);
    connection.on('data', (part) => received.push(part));
    connection.once('end', () => resolve(Buffer.concat(received)));
    connection.once('error', reject);
    connection.write(request);
  });
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import * as protocol from '../../../helper/protocol/index.js';
import type { TestHelper } from '../support/helper.js';

/** An address of this machine that others reach it by; undefined when it has none but loopback. */
export function outerAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}

/** A web server of this process that answers with who asks. */
export async function serve(address: string): Promise<{ port: number; close(): void }> {
  const server = createServer((request, response) => response.end(`seen ${request.socket.remoteAddress}\n`));
  server.listen(0, address);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Why there can be no way out by a program on this machine, by what the doctor tried; undefined when there can. */
export async function outboundObstacle(helper: TestHelper): Promise<(program: string) => string | undefined> {
  const { lines } = await helper.ask(protocol.RunDoctor);
  return (program) => {
    const ids: readonly string[] = ['bridge', 'masquerade', 'tun', program];
    const missing = lines.find(({ id, verdict }: protocol.DoctorLine) => ids.includes(id) && verdict !== 'works');
    return missing === undefined ? undefined : `${missing.id}: ${missing.tried}`;
  };
}

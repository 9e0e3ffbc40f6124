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

/**
 * A script for busybox's shell that prints what a web server answers, as nc(1) gets it: the static wget of Debian ends by
 * SIGSEGV where there is no library for it to look up a service in. Nothing when none answers within so many seconds.
 */
export function fetching(host: string, port: number, seconds = 10): string {
  // Its input stays open: not every way out passes on that one direction has ended while the other has not.
  return `[ -p /request ] || mkfifo /request; exec 3<>/request; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3
    timeout ${seconds} nc ${host} ${port} <&3 2>/dev/null`;
}

/** The body of such an answer; empty when there is none. */
export function body(answer: string): string {
  return answer.split('\r\n\r\n')[1] ?? '';
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

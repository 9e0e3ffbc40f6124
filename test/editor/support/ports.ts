import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below net.ipv4.ip_local_port_range as kernels have it: nobody who connects to somewhere gets one of these meanwhile. */
const lowest = 20_000;
const highest = 32_000;

/** A port of 127.0.0.1 that nobody listens at. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    const server = createServer().listen(port, '127.0.0.1');
    const [error] = (await Promise.race([once(server, 'listening'), once(server, 'error')])) as [Error | undefined];
    if (error !== undefined) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

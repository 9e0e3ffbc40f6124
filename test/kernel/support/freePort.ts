import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below net.ipv4.ip_local_port_range as kernels have it: nobody who connects to somewhere gets one of these meanwhile. */
const lowest = 20_000;
const highest = 32_000;

/** A port that nobody listens at just now, at an address of this machine; `::` takes those of IPv4, too. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    const server = createServer().listen(port, address);
    try {
      // An error of the server rejects it.
      await once(server, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue;
      throw error;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

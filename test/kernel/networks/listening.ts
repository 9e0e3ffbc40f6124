import { readFileSync } from 'node:fs';

/** Whether a process listens for TCP at a port in the network namespace of another one, by IPv4 or IPv6. */
export function listens(pid: number, port: number): boolean {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  return ['tcp', 'tcp6'].some((table) =>
    new RegExp(`:${hexadecimal} [0:]+ 0A `).test(readFileSync(`/proc/${pid}/net/${table}`, 'utf8')),
  );
}

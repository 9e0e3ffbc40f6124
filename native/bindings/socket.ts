/** Who is at the other end of a UNIX socket. */
import { check, declare } from './libc.js';

export interface PeerCredentials {
  pid: number;
  uid: number;
  gid: number;
}

type Getsockopt = (fd: number, level: number, option: number, value: Buffer, size: Buffer) => number;
const getsockopt = declare<Getsockopt>('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']);
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/**
 * SO_PEERCRED: pid and ids the peer had when it connected or listened, as seen in our namespaces (65534: not mapped).
 * @throws SystemError: ENOTSOCK when `fd` is no socket.
 */
export function peerCredentials(fd: number): PeerCredentials {
  const value = Buffer.alloc(12);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(value.length);
  check(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, size), 'getsockopt');
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) };
}

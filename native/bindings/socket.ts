/** UNIX sockets: connecting at once, and who is at the other end. */
import { closeSync } from 'node:fs';
import { check, cPath, declare, type Path, SystemError } from './libc.js';

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

const socketCall = declare<(domain: number, type: number, protocol: number) => number>('socket', 'int', [
  'int',
  'int',
  'int',
]);
const connectCall = declare<(fd: number, address: Buffer, size: number) => number>('connect', 'int', [
  'int',
  'void *',
  'uint32_t',
]);
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** sun_path, the NUL included: unix(7). */
const longestPath = 108;

/**
 * A stream connection to the socket at `path`, non-blocking, O_CLOEXEC; the caller closes it. The kernel connects UNIX
 * sockets on the spot, where Node takes two turns of its loop before a first byte can go.
 * @throws SystemError: ENOENT or ECONNREFUSED when nobody listens, EAGAIN when too many wait to be accepted, ENAMETOOLONG.
 */
export function connectUnix(path: Path): number {
  const name = cPath(path, 'connect');
  if (name.length > longestPath) throw new SystemError('ENAMETOOLONG', -36, 'connect', String(path));
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  const fd = check(socketCall(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket');
  try {
    check(connectCall(fd, address, address.length), 'connect', path);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

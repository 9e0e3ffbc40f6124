/** UNIX sockets of a network namespace, from answers of sock_diag(7): linux/unix_diag.h. Pure. */
import { isUnixServer, type UnixSocket, unixAddress } from '../protocol/index.js';
import { attributesOf, messagesOf } from './netlink.js';

export type RawUnixSocket = Omit<UnixSocket, 'processes'>;

const messageTypes = { done: 3, byFamily: 20 } as const;
const attribute = { name: 0, peer: 2 } as const;
/** struct unix_diag_msg: u8 family, type, state, padding, u32 inode, u32 cookie[2]. */
const structureBytes = 16;
const types: ReadonlyMap<number, UnixSocket['type']> = new Map([
  [1, 'stream'],
  [2, 'dgram'],
  [5, 'seqpacket'],
]);
/** TCP_* of net/tcp_states.h, which these sockets have, too. */
const states = new Map([
  [1, 'established'],
  [7, 'unconnected'],
  [10, 'listen'],
]);

/** All of them; undefined when the kernel has answered with an error instead. @throws RangeError for what is no answer */
export function parseUnixSockets(bytes: Buffer): RawUnixSocket[] | undefined {
  const messages = [...messagesOf(bytes)];
  if (!messages.some(({ type }) => type === messageTypes.done)) return undefined;
  return messages.filter(({ type }) => type === messageTypes.byFamily).flatMap(({ body }) => socketOf(body) ?? []);
}

function socketOf(body: Buffer): RawUnixSocket | undefined {
  const type = types.get(body.readUInt8(1));
  if (type === undefined) return undefined;
  const attributes = attributesOf(body, structureBytes);
  const peer = attributes.get(attribute.peer)?.readUInt32LE(0);
  const state = body.readUInt8(2);
  return {
    type,
    state: states.get(state) ?? String(state),
    ...addressOf(attributes.get(attribute.name)),
    inode: body.readUInt32LE(4),
    // 0: a peer that nobody has open any more.
    ...(peer === undefined || peer === 0 ? {} : { peer }),
  };
}

/** A path ends at its NUL; an abstract name begins with one, and others in it are shown as `@`: proc_pid_net(5). */
function addressOf(name: Buffer | undefined): Pick<RawUnixSocket, 'path' | 'abstract'> {
  if (name === undefined || name.length === 0) return {};
  if (name[0] === 0) return { abstract: name.toString('utf8', 1).replaceAll('\0', '@') };
  const end = name.indexOf(0);
  return { path: name.toString('utf8', 0, end === -1 ? name.length : end) };
}

/** Those that others may reach first, by address; then the rest, each beside its like. */
export function orderedUnix(sockets: readonly UnixSocket[]): UnixSocket[] {
  const rank = (socket: UnixSocket) => (isUnixServer(socket) ? 0 : unixAddress(socket) === undefined ? 2 : 1);
  return [...sockets].sort(
    (a, b) => rank(a) - rank(b) || (unixAddress(a) ?? '').localeCompare(unixAddress(b) ?? '') || a.inode - b.inode,
  );
}

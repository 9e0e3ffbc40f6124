/** /proc/PID/mountinfo: every mount of a process's mount namespace below its root. */
import { readFileSync } from 'node:fs';
import { ErrorCode, type MountInfo, terrariumError } from '../protocol/index.js';
import { procFolder, unlessGone } from './proc.js';

/** @throws a terrariumError (Internal) when a line is not one of mountinfo. */
export function parseMountinfo(text: string): MountInfo[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

/** Mounts as a process sees them, in the order they were made; undefined when it has ended. */
export function readMounts(pid: number, proc = procFolder): MountInfo[] | undefined {
  const text = unlessGone(() => readFileSync(`${proc}/${pid}/mountinfo`, 'utf8'));
  return text === undefined ? undefined : parseMountinfo(text);
}

// 36 35 98:0 /root /destination rw,noatime shared:1 master:2 - ext4 /dev/sda1 rw,errors=continue
const fixedFields = 6;

function parseLine(line: string): MountInfo {
  // Single spaces are the separators: a field may be empty.
  const fields = line.split(' ');
  // Optional fields are never "-", but a root or destination might be.
  const separator = fields.indexOf('-', fixedFields);
  const [id, parent, device, root, destination, options] = fields;
  const [type, source, superOptions] = fields.slice(separator + 1);
  if (separator < 0 || id === undefined || superOptions === undefined) {
    throw terrariumError(ErrorCode.Internal, `Not a line of mountinfo: ${JSON.stringify(line.slice(0, 200))}`);
  }
  return {
    id: Number(id),
    parent: Number(parent),
    device: device ?? '',
    root: unescapeOctal(root ?? ''),
    destination: unescapeOctal(destination ?? ''),
    type: unescapeOctal(type ?? ''),
    source: unescapeOctal(source ?? ''),
    options: (options ?? '').split(','),
    superOptions: superOptions.split(',').map(unescapeOctal),
    propagation: propagation(fields.slice(fixedFields, separator)),
  };
}

/** `private`, `unbindable`, `shared:N`, `master:N` (a slave of peer group N), or several with spaces between. */
function propagation(optional: readonly string[]): string {
  return optional.length === 0 ? 'private' : optional.join(' ');
}

/** The kernel writes space, tab, line feed, backslash and # as a backslash and three octal digits. */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Capabilities of a program file as bytes of the attribute `security.capability`: linux/capability.h. */
import { type FileCapabilities, fileCapabilitiesText } from '../protocol/index.js';

export const capabilityAttribute = 'security.capability';

const revisionMask = 0xff000000;
/** VFS_CAP_REVISION_2 and 3; 3 names the root of a user namespace as well. */
const revision2 = 0x02000000;
const revision3 = 0x03000000;
const effectiveFlag = 1;
const word = 0xffffffffn;

/**
 * The uid whose user namespaces the value counts in, as the reader's namespace has it; undefined for root of the reader's own,
 * which the kernel leaves out. Pure.
 */
export function capabilitiesRootId(value: Buffer): number | undefined {
  if (value.length < 24 || (value.readUInt32LE(0) & revisionMask) >>> 0 !== revision3) return undefined;
  return value.readUInt32LE(20) || undefined;
}

/** Text for the value of the attribute; undefined for none, or a format of another kernel. Pure. */
export function capabilitiesText(value: Buffer): string | undefined {
  if (value.length < 20) return undefined;
  const magic = value.readUInt32LE(0);
  if (![revision2, revision3].includes((magic & revisionMask) >>> 0)) return undefined;
  const permitted = BigInt(value.readUInt32LE(4)) | (BigInt(value.readUInt32LE(12)) << 32n);
  const inheritable = BigInt(value.readUInt32LE(8)) | (BigInt(value.readUInt32LE(16)) << 32n);
  const effective = (magic & effectiveFlag) !== 0;
  return fileCapabilitiesText({ permitted, inheritable, effective }) || undefined;
}

/**
 * struct vfs_ns_cap_data: counts where `rootId`, as the writer's user namespace has it, is root. The kernel keeps it as the id of
 * the machine, so that nobody outside gains by it.
 */
export function capabilitiesValue({ permitted, inheritable, effective }: FileCapabilities, rootId: number): Buffer {
  const value = Buffer.alloc(24);
  value.writeUInt32LE(revision3 | (effective ? effectiveFlag : 0), 0);
  value.writeUInt32LE(Number(permitted & word), 4);
  value.writeUInt32LE(Number(inheritable & word), 8);
  value.writeUInt32LE(Number(permitted >> 32n), 12);
  value.writeUInt32LE(Number(inheritable >> 32n), 16);
  value.writeUInt32LE(rootId, 20);
  return value;
}

/** Capabilities of a program file, as getcap(8) writes them. */
import { capabilityNamesOf } from '../security/capabilities.js';

const revisionMask = 0xff000000;
/** VFS_CAP_REVISION_2 and 3; 3 names the root of a user namespace as well. linux/capability.h */
const revisions = [0x02000000, 0x03000000];
const effectiveFlag = 1;
/** What a kernel has at least: all of these, and it is written `=ep`. */
const allKnown = (1n << 41n) - 1n;

/** Text for the value of `security.capability`; undefined for none, or a format of another kernel. Pure. */
export function capabilitiesText(value: Buffer): string | undefined {
  if (value.length < 20) return undefined;
  const magic = value.readUInt32LE(0);
  if (!revisions.includes((magic & revisionMask) >>> 0)) return undefined;
  const permitted = BigInt(value.readUInt32LE(4)) | (BigInt(value.readUInt32LE(12)) << 32n);
  const inheritable = BigInt(value.readUInt32LE(8)) | (BigInt(value.readUInt32LE(16)) << 32n);
  const e = (magic & effectiveFlag) !== 0 ? 'e' : '';
  const groups: [bigint, string][] = [
    [permitted & inheritable, `${e}ip`],
    [permitted & ~inheritable, `${e}p`],
    [inheritable & ~permitted, `${e}i`],
  ];
  const texts = groups.filter(([mask]) => mask !== 0n).map(([mask, flags]) => `${names(mask)}=${flags}`);
  return texts.length === 0 ? undefined : texts.join(' ');
}

function names(mask: bigint): string {
  return (mask & allKnown) === allKnown ? '' : capabilityNamesOf(mask).join(',').toLowerCase();
}

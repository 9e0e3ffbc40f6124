/** `security.capability`, little-endian: revision and flag in one word, then the sets. capabilities(7), linux/capability.h. */
const revisionMask = 0xff000000;
const revision2 = 0x02000000;
const revision3 = 0x03000000;
const size2 = 20;
const size3 = 24;

/**
 * File capabilities as an image has them: revision 2, which counts for the root of whatever user namespace it is unpacked in.
 * @param value as read in the container's user namespace.
 * @returns undefined when they are another namespace's root's, or not well-formed.
 */
export function portableCapabilities(value: Buffer): Buffer | undefined {
  const word = value.length >= 4 ? value.readUInt32LE(0) : 0;
  const revision = (word & revisionMask) >>> 0;
  if (revision === revision2 && value.length === size2) return value;
  if (revision !== revision3 || value.length !== size3 || value.readUInt32LE(size2) !== 0) return undefined;
  const portable = Buffer.from(value.subarray(0, size2));
  portable.writeUInt32LE((revision2 | (word & ~revisionMask)) >>> 0, 0);
  return portable;
}

import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * Writes a file of a network in place, since containers have this very file mounted: one that came by rename they would
 * never see. The new text goes over the old one before the rest is cut off, so that it is never found empty. The caller has
 * the lock of networks.
 */
export function writeShared(file: string, text: string): void {
  // Read by any user inside, behind a folder that nobody else outside may enter.
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o644);
  try {
    if (readFileSync(fd, 'utf8') === text) return;
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
    ftruncateSync(fd, bytes.length);
  } finally {
    closeSync(fd);
  }
}

/** Whether the beginning of a file is no text: as git has it, by a NUL in its first bytes. */
export function looksBinary(beginning: Uint8Array): boolean {
  return beginning.includes(0);
}

/** How many bytes of a file `looksBinary` wants to see. */
export const sniffedBytes = 8000;

/** syncfs(2): everything written to one file system, onto its disk. */
import { check, declare } from './libc.js';

type Syncfs = ((fd: number) => number) & {
  async(fd: number, callback: (error: Error | null, result: number) => void): void;
};
const syncfsCall = declare<Syncfs>('syncfs', 'int', ['int']);

/**
 * Writes back the file system a descriptor is on: for a tree of many files far cheaper than syncing each.
 * It may take seconds when others have written much, and runs on another thread.
 * @throws SystemError: EIO, ENOSPC or EDQUOT when something could not be written.
 */
export function syncfs(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    syncfsCall.async(fd, (error, result) => {
      try {
        if (error) {
          throw error;
        }
        check(result, 'syncfs');
        resolve();
      } catch (failure) {
        reject(failure);
      }
    });
  });
}

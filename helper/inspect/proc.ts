/** Where process information is read: another folder than /proc in tests. */
export const procFolder = '/proc';

/** What reading /proc gives for a process that has ended: at open, or between open and read. */
export function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ESRCH';
}

/** The result of `read`, or undefined when the process it asks about has ended. Other errors are thrown. */
export function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isGone(error)) {
      return undefined;
    }
    throw error;
  }
}

/** The same of what is awaited. */
export async function unlessGoneLater<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What looking at a process of another user gives, outside of user namespaces that we own. */
export function isDenied(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'EACCES' || code === 'EPERM';
}

/** The result of `read`, or undefined when the kernel does not let us look. Other errors are thrown. */
export function unlessDenied<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isDenied(error)) return undefined;
    throw error;
  }
}

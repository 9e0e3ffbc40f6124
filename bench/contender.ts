/** What every container prints first, and then does until it is stopped. */
export const command = ['/bin/sh', '-c', 'echo ready; exec sleep 1000'];

/** A running container of one contender. */
export interface Started {
  /** Until the contender can be asked for it: some print before they have noted what they started. Not measured. */
  settle?: () => Promise<void>;
  /** Runs /bin/true inside, to its exit. */
  enter?: () => Promise<void>;
  /** Kills it; resolves when the contender itself says that it has ended. */
  stop: () => Promise<void>;
  /** Removes what is left; not measured. */
  discard: () => Promise<void>;
}

/** One way to make a container. */
export interface Contender {
  name: string;
  /** Creates and starts a container; resolves at the first byte of its output. */
  start: () => Promise<Started>;
  /** After the last round. */
  close: () => Promise<void>;
}

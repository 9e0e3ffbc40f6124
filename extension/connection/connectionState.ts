/** How the extension stands with its helper, as views show it. */
export type ConnectionState =
  | { kind: 'idle' }
  | { kind: 'starting' }
  | { kind: 'ready' }
  /** It does not run and will not be started again unless a person asks. */
  | { kind: 'failed'; reason: string }
  /** Containers are made of Linux: there is nothing to start here. */
  | { kind: 'unsupported'; platform: string };

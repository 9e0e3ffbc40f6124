/** Signals that people send by hand, the gentle ones first. */
export const signalPicks: readonly { label: string; description: string }[] = [
  { label: 'SIGTERM', description: 'please end' },
  { label: 'SIGINT', description: 'as Ctrl-C' },
  { label: 'SIGHUP', description: 'the terminal is gone; many daemons read their configuration again' },
  { label: 'SIGQUIT', description: 'end with a core dump' },
  { label: 'SIGUSR1', description: 'what the program makes of it' },
  { label: 'SIGUSR2', description: 'what the program makes of it' },
  { label: 'SIGWINCH', description: 'the window changed; some servers drain on it' },
  { label: 'SIGSTOP', description: 'stop, until SIGCONT' },
  { label: 'SIGCONT', description: 'go on' },
  { label: 'SIGKILL', description: 'end at once; cannot be caught' },
];

/** What an archive had to leave out or change. */
export type ExportNote = 'sockets' | 'devices' | 'owners' | 'capabilities' | 'whiteoutNames' | 'unreadable' | 'shrunk';

const sentences: Readonly<Record<ExportNote, (which: string) => string>> = {
  sockets: (which) => `${which} left out: sockets, which mean nothing without the process that made them.`,
  devices: (which) => `${which} left out: device nodes. A container gets its own /dev.`,
  owners: (which) => `${which} made root's: their owners on this machine have no id in the container.`,
  capabilities: (which) => `${which} without file capabilities: they count only in another user namespace.`,
  whiteoutNames: (which) => `${which} left out: in a layer, names that begin with .wh. stand for deleted files.`,
  unreadable: (which) => `${which} left out: you may not read them.`,
  shrunk: (which) => `${which} became shorter while being read, and end in zeros.`,
};

/** Collects notes in constant memory, with one example for each kind. */
export class ExportNotes {
  private readonly seen = new Map<ExportNote, { count: number; example: string }>();

  /** @param path of an entry, ready to be shown. */
  add(kind: ExportNote, path: string): void {
    const note = this.seen.get(kind);
    if (note === undefined) this.seen.set(kind, { count: 1, example: path });
    else note.count++;
  }

  /** One sentence for each kind. */
  list(): string[] {
    return [...this.seen].map(([kind, { count, example }]) => {
      const quoted = JSON.stringify(example.slice(0, 200));
      return sentences[kind](count === 1 ? `1 entry (${quoted})` : `${count} entries (${quoted}…)`);
    });
  }
}

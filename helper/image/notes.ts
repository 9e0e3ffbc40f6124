/** What an import had to leave out or change, counted by kind. */
export type NoteKind = 'owners' | 'devices' | 'unknown' | 'whiteouts' | 'capabilities' | 'xattrs' | 'overlay';

const sentences: Readonly<Record<NoteKind, (count: string) => string>> = {
  owners: (count) =>
    `${count} with owners other than root belong to root: their ids are not mapped here. A range in /etc/subuid and /etc/subgid would keep them.`,
  devices: (count) => `${count} left out: device nodes. A container gets its own /dev.`,
  unknown: (count) => `${count} left out: of a type that is unknown.`,
  whiteouts: (count) => `${count} left out: whiteouts (.wh.…), which mean something only in a layer above others.`,
  capabilities: (count) => `${count} without the file capabilities they had: this user may not set them.`,
  xattrs: (count) => `${count} without some of their extended attributes: only user.* and file capabilities are kept.`,
  overlay: (count) => `${count} without their user.overlay.* attributes: those would steer overlay mounts from within.`,
};

/** Collects notes in constant memory, with one example for each kind. */
export class Notes {
  private readonly seen = new Map<NoteKind, { count: number; example: string }>();

  /** @param example name of an entry, ready to be shown. */
  add(kind: NoteKind, example: string): void {
    const note = this.seen.get(kind);
    if (note) {
      note.count++;
    } else {
      this.seen.set(kind, { count: 1, example });
    }
  }

  /** One sentence for each kind. */
  list(): string[] {
    return [...this.seen].map(([kind, { count, example }]) =>
      sentences[kind](count === 1 ? `1 entry (${example})` : `${count} entries (${example}…)`),
    );
  }
}

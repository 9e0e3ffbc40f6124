import type { LogOutputChannel } from 'vscode';
import type { HelperClient } from '../helperClient.js';
import type { LeafNode, ProcessNode } from './nodes.js';
import { ProcessUse } from './processUse.js';
import { readProcesses } from './sectionReader.js';
import { presentProcess } from './sectionText.js';
import type { SeenSection } from './seenSection.js';

/** What is drawn of processes, and how to draw it anew. */
export interface ProcessLines {
  /** The lines below a container's processes, when they were read. */
  known(container: string): readonly LeafNode[] | undefined;
  changed(nodes: readonly ProcessNode[]): void;
}

/**
 * Keeps memory and CPU of each process up to date while its line can be seen: with each sample of its container, and
 * samples come only while the view is visible. Which processes there are is told by other events.
 */
export class LiveProcesses {
  private readonly use = new ProcessUse();
  private readonly reading = new Set<string>();

  constructor(
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
    private readonly lines: ProcessLines,
    private readonly seen: SeenSection,
  ) {}

  /** The list was read for somebody to see. */
  shown(container: string, nodes: readonly LeafNode[]): void {
    this.seen.shown(container);
    this.take(
      container,
      nodes.filter((node) => node.kind === 'process'),
    );
  }

  sampled(container: string): void {
    if (!this.seen.containers.includes(container) || this.reading.has(container)) return;
    this.reading.add(container);
    this.update(container)
      // It may have ended since the sample: that is told by an event of its own.
      .catch((error: unknown) => this.log.debug(`Processes of ${container}: ${String(error)}`))
      .finally(() => this.reading.delete(container));
  }

  forget(container: string): void {
    this.use.forget(container);
  }

  private async update(container: string): Promise<void> {
    const read = new Map((await readProcesses(this.helper, container)).map((node) => [node.key, node]));
    const drawn = (this.lines.known(container) ?? []).filter((node) => node.kind === 'process');
    const seen = (node: ProcessNode) => presentProcess(node.process, node.cores).description;
    const before = drawn.map(seen);
    for (const node of drawn) node.process = read.get(node.key)?.process ?? node.process;
    this.take(container, drawn);
    // A menu that is open on a line that is drawn anew may lead nowhere: only what is seen to differ is.
    this.lines.changed(drawn.filter((node, index) => seen(node) !== before[index]));
  }

  private take(container: string, nodes: readonly ProcessNode[]): void {
    this.use.take(
      container,
      nodes.map(({ process }) => process),
      performance.now(),
    );
    for (const node of nodes) {
      const cores = this.use.cores(container, node.process);
      if (cores === undefined) delete node.cores;
      else node.cores = cores;
    }
  }
}

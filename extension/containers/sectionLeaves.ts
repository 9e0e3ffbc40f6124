import type { LogOutputChannel } from 'vscode';
import type { HelperClient } from '../helperClient.js';
import { type ConfinementNode, type LeafNode, nodeId, type ProcessNode, type SectionNode } from './nodes.js';
import { readSection } from './sectionReader.js';
import type { Section } from './sectionText.js';

/** What was read of sections, kept until something says that it may differ. */
export class SectionLeaves {
  private readonly leaves = new Map<string, LeafNode[]>();
  /** The latest reading of each section that is read anew: answers may overtake each other. */
  private readonly renewals = new Map<string, symbol>();

  /** @param onRead  is told of each list that was read from the helper to be shown */
  constructor(
    private readonly helper: HelperClient,
    private readonly log: LogOutputChannel,
    private readonly onRead: (section: SectionNode, leaves: readonly LeafNode[]) => void,
  ) {}

  known(container: string, section: Section): readonly LeafNode[] | undefined {
    return this.leaves.get(`${container}/${section}`);
  }

  /** What is in a section: as it is known, else read now. A failure is a line, and not kept: the next time tries again. */
  async of(node: SectionNode): Promise<LeafNode[]> {
    const known = this.leaves.get(nodeId(node));
    return known ?? this.below(node, 'failure', () => this.read(node));
  }

  /**
   * Reads a section anew. Until that is done what is known stays: while the editor waits for lines, a menu that is open on
   * one of them leads nowhere. False when it is as it was, or a later call took over.
   */
  async renew(node: SectionNode): Promise<boolean> {
    const key = nodeId(node);
    const before = this.leaves.get(key);
    if (before === undefined) return true;
    const renewal = Symbol(key);
    this.renewals.set(key, renewal);
    try {
      const read = await readSection(this.helper, node.container, node.section);
      if (this.renewals.get(key) !== renewal) return false;
      if (textOf(read) === textOf(before)) return false;
      this.leaves.set(key, read);
    } catch (error) {
      if (this.renewals.get(key) !== renewal) return false;
      // To be read once more where it is shown, which says what is wrong.
      this.log.debug(`${key}: ${String(error)}`);
      this.leaves.delete(key);
    } finally {
      if (this.renewals.get(key) === renewal) this.renewals.delete(key);
    }
    return true;
  }

  /** What is below a line, read each time, or a line that says why it cannot be. */
  async below(
    { container, section }: SectionNode | ProcessNode | ConfinementNode,
    failureKey: string,
    work: () => Promise<LeafNode[]>,
  ): Promise<LeafNode[]> {
    try {
      return await work();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.warn(`${section} of ${container}: ${message}`);
      return [{ kind: 'failure', container, section, key: failureKey, message }];
    }
  }

  /** Whether anything was known of it. */
  forget(container: string, section: Section): boolean {
    const key = `${container}/${section}`;
    this.renewals.delete(key);
    return this.leaves.delete(key);
  }

  forgetAll(container?: string): void {
    for (const key of [...this.leaves.keys(), ...this.renewals.keys()]) {
      if (container !== undefined && !key.startsWith(`${container}/`)) continue;
      this.leaves.delete(key);
      this.renewals.delete(key);
    }
  }

  private async read(node: SectionNode): Promise<LeafNode[]> {
    const read = await readSection(this.helper, node.container, node.section);
    this.leaves.set(nodeId(node), read);
    this.onRead(node, read);
    return read;
  }
}

/** Lines as a text that differs when they do. Each knows what it is below, which would never end. */
function textOf(leaves: readonly LeafNode[]): string {
  return JSON.stringify(leaves, (key, value: unknown) => (key === 'above' ? undefined : value));
}

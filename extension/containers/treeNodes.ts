import type { ContainerSummary, PodSummary } from '../../helper/protocol/index.js';
import type { ContainerNode, ContainerTreeNode, PodNode, SectionNode } from './nodes.js';
import type { Section } from './sectionText.js';

/**
 * The nodes of pods, containers and their sections. Each stays the same object over updates, since that is how the editor
 * knows what is open and what is selected.
 */
export class TreeNodes {
  private readonly containers = new Map<string, ContainerNode>();
  private readonly pods = new Map<string, PodNode>();
  private readonly sections = new Map<string, SectionNode>();
  private readonly networkNotes = new Map<string, string>();

  /** Of the tree as it is drawn: pods first, then the containers that are in none. */
  roots(summaries: readonly ContainerSummary[], pods: readonly PodSummary[]): (PodNode | ContainerNode)[] {
    // Of a pod that is damaged, or gone in this moment, the containers are shown by themselves.
    const alone = summaries.filter(({ pod }) => pods.every(({ name }) => name !== pod));
    // Made for all: they are found by id, also below a pod that nobody has opened.
    for (const { name } of pods) this.inPod(summaries, name);
    for (const name of [...this.pods.keys()].filter((name) => pods.every((pod) => pod.name !== name))) {
      this.pods.delete(name);
    }
    return [...pods.map((pod) => this.pod(pod)), ...alone.map((summary) => this.container(summary))];
  }

  inPod(summaries: readonly ContainerSummary[], pod: string): ContainerNode[] {
    return summaries.filter((summary) => summary.pod === pod).map((summary) => this.container(summary));
  }

  section({ container, summary }: ContainerNode, section: Section): SectionNode {
    const key = `${container}/${section}`;
    const node = this.sections.get(key) ?? { kind: 'section', container, name: summary.name, section };
    node.name = summary.name;
    if (section === 'network') writeNote(node, this.networkNotes.get(container));
    this.sections.set(key, node);
    return node;
  }

  /** Containers that have a node, by id. */
  known(): ContainerNode[] {
    return [...this.containers.values()];
  }

  find(id: string): ContainerNode | undefined {
    return this.containers.get(id);
  }

  /** A section that was drawn. */
  findSection(container: string, section: Section): SectionNode | undefined {
    return this.sections.get(`${container}/${section}`);
  }

  /** What stands beside the section of the network, now and when it is drawn. */
  noteNetwork(container: string, note: string | undefined): void {
    if (note === undefined) this.networkNotes.delete(container);
    else this.networkNotes.set(container, note);
    const section = this.findSection(container, 'network');
    if (section) writeNote(section, note);
  }

  /** The container is gone. */
  forget(container: string): void {
    this.containers.delete(container);
    this.networkNotes.delete(container);
    for (const key of [...this.sections.keys()].filter((key) => key.startsWith(`${container}/`))) {
      this.sections.delete(key);
    }
  }

  parentOf(node: ContainerTreeNode): ContainerTreeNode | undefined {
    switch (node.kind) {
      case 'pod':
        return undefined;
      case 'container':
        return node.summary.pod === undefined ? undefined : this.pods.get(node.summary.pod);
      case 'section':
        return this.containers.get(node.container);
      case 'denied':
        return node.above;
      case 'fact':
        return node.above ?? this.findSection(node.container, node.section);
      default:
        return this.findSection(node.container, node.section);
    }
  }

  private container(summary: ContainerSummary): ContainerNode {
    const node = this.containers.get(summary.id) ?? { kind: 'container', container: summary.id, summary };
    node.summary = summary;
    this.containers.set(summary.id, node);
    return node;
  }

  private pod(pod: PodSummary): PodNode {
    const node = this.pods.get(pod.name) ?? { kind: 'pod', container: '', pod };
    node.pod = pod;
    this.pods.set(pod.name, node);
    return node;
  }
}

function writeNote(section: SectionNode, note: string | undefined): void {
  if (note === undefined) delete section.note;
  else section.note = note;
}

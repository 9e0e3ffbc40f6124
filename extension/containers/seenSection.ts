/** Of which containers a section is open for somebody to see, as far as the tree has been told. */
export class SeenSection {
  private readonly open = new Set<string>();
  private readonly closedContainers = new Set<string>();

  containerOpened(container: string, isOpen: boolean): void {
    if (isOpen) this.closedContainers.delete(container);
    else this.closedContainers.add(container);
  }

  sectionOpened(container: string, isOpen: boolean): void {
    if (isOpen) this.open.add(container);
    else this.open.delete(container);
  }

  /** What is in it was read for somebody to see: after a reload of the window nothing else tells that it is open. */
  shown(container: string): void {
    this.open.add(container);
  }

  get containers(): string[] {
    return [...this.open].filter((container) => !this.closedContainers.has(container));
  }
}

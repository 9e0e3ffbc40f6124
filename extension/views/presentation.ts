/** How one line of a tree is to look, as data: what makes it needs no editor, and tests can read it. */
export interface Presentation {
  label: string;
  /** Beside the label, dimmed. */
  description?: string;
  tooltip?: string;
  icon?: { id: string; color?: string };
  /** What menus go by: kind and state, for instance `container.running.terminal`. */
  contextValue: string;
  /** What a screen reader says: label, state and numbers in words, no icons. */
  accessibleLabel: string;
}

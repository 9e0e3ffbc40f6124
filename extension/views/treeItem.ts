import { ThemeColor, ThemeIcon, TreeItem, type TreeItemCollapsibleState } from 'vscode';
import type { Presentation } from './presentation.js';

/** Makes the editor's item of a presentation. `id` is unique in its view. */
export function treeItem(id: string, presentation: Presentation, collapsible: TreeItemCollapsibleState): TreeItem {
  const item = new TreeItem(presentation.label, collapsible);
  item.id = id;
  item.contextValue = presentation.contextValue;
  item.accessibilityInformation = { label: presentation.accessibleLabel };
  if (presentation.description !== undefined) {
    item.description = presentation.description;
  }
  if (presentation.tooltip !== undefined) {
    // A plain string, not Markdown: it may hold what an image or a container says.
    item.tooltip = presentation.tooltip;
  }
  if (presentation.icon) {
    const { id: icon, color } = presentation.icon;
    item.iconPath = new ThemeIcon(icon, color === undefined ? undefined : new ThemeColor(color));
  }
  return item;
}

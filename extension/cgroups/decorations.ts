import { FileDecoration, type FileDecorationProvider, l10n, ThemeColor, Uri } from 'vscode';
import type { CgroupNode } from '../../helper/protocol/index.js';
import { isEmpty } from './cgroupText.js';

const scheme = 'terrarium-cgroup';

/** Addresses a group for its decoration; what it says is in the query, so that the address changes with it. */
export function groupUri(node: CgroupNode): Uri {
  const words = [node.writable ? 'writable' : '', isEmpty(node) ? 'empty' : ''].filter(Boolean);
  return Uri.from({ scheme, path: node.path, query: words.join('&') });
}

/** Marks the groups that one may write, and dims those that nothing runs in. */
export const groupDecorations: FileDecorationProvider = {
  provideFileDecoration: (uri) => {
    if (uri.scheme !== scheme) return undefined;
    const words = uri.query.split('&');
    const decoration = words.includes('writable')
      ? new FileDecoration('W', l10n.t('You may edit its limits'))
      : new FileDecoration();
    if (words.includes('empty')) decoration.color = new ThemeColor('disabledForeground');
    return decoration;
  },
};

import type { LayerDetails, LayerEntry } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** A layer's line: what made it and how large it is. `number` counts from one, at the bottom. */
export function presentLayer(layer: LayerDetails, number: number): Presentation {
  const made = madeBy(layer.createdBy);
  const size = formatBytes(layer.unpackedBytes);
  const shared =
    layer.sharedWith.length > 0
      ? `shared with ${layer.sharedWith.map((name) => plainText(name, 64)).join(', ')}`
      : undefined;
  return {
    label: `${number}`,
    description: [size, made].filter(Boolean).join(' · '),
    tooltip: tooltipText([
      made,
      layer.comment,
      `diffID ${layer.diffId}`,
      `${layer.mediaType}, ${formatBytes(layer.sizeBytes)} as stored: ${layer.digest}`,
      `${layer.entries} entries, ${size} unpacked`,
      shared,
    ]),
    icon: { id: 'layers' },
    contextValue: 'layer',
    accessibleLabel: [`Layer ${number}`, size, made, shared].filter(Boolean).join(', '),
  };
}

/** Shells and their noise left out, as history has them in front of every command of a build. */
function madeBy(createdBy: string | undefined): string | undefined {
  const text = plainText(createdBy ?? '', 200)
    .replace(/^\/bin\/sh -c (#\(nop\) +)?/, '')
    .replace(/ # buildkit$/, '');
  return text === '' ? undefined : text;
}

const icons: Readonly<Record<LayerEntry['kind'], string>> = {
  file: 'file',
  directory: 'folder',
  symlink: 'file-symlink-file',
  other: 'circle-outline',
  hidden: 'diff-removed',
  opaque: 'folder',
};

/** An entry of a layer: something it adds, or hides of the layers below. */
export function presentLayerEntry(entry: LayerEntry): Presentation {
  const name = plainText(entry.path.slice(entry.path.lastIndexOf('/') + 1), 200);
  const hides = entry.kind === 'hidden' ? 'removed' : entry.kind === 'opaque' ? 'replaces what is below' : undefined;
  const size = entry.kind === 'file' ? formatBytes(entry.sizeBytes) : undefined;
  return {
    label: name,
    description: [size, hides].filter(Boolean).join(' · '),
    tooltip: tooltipText([entry.path, hides]),
    icon:
      entry.kind === 'hidden'
        ? { id: icons.hidden, color: 'gitDecoration.deletedResourceForeground' }
        : { id: icons[entry.kind] },
    contextValue: 'entry',
    accessibleLabel: [name, entry.kind, size, hides].filter(Boolean).join(', '),
  };
}

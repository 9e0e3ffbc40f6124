import type { ImageSummary, RootSource } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { iconSafeText } from '../text/untrusted.js';

/** What a person may answer to the question for a root. Roots are launched from, the others lead on. */
export type RootChoice =
  | { kind: 'root'; root: RootSource }
  | { kind: 'chooseDirectory' }
  | { kind: 'chooseHostFolders' }
  | { kind: 'pullImage' }
  | { kind: 'importImage' }
  | { kind: 'buildImage' }
  | { kind: 'specification' };

export interface ChoiceItem<T> {
  /** A heading in the list when absent. */
  choice?: T;
  label: string;
  description?: string;
  detail?: string;
}

/** The list of roots: this machine's own first, since it works everywhere and needs nothing. */
export function rootChoices(images: readonly ImageSummary[], withSpecification: boolean): ChoiceItem<RootChoice>[] {
  const items: ChoiceItem<RootChoice>[] = [
    {
      choice: { kind: 'root', root: { kind: 'host' } },
      label: "$(home) This machine's own /",
      description: 'nothing to download',
      detail: 'Read-only, with a private layer for what the container writes',
    },
  ];
  if (images.length > 0) {
    items.push({ label: 'Images' });
    for (const image of images) {
      items.push({
        choice: { kind: 'root', root: { kind: 'image', name: image.name } },
        label: `$(package) ${iconSafeText(image.name, 100)}`,
        description: formatBytes(image.sizeBytes),
      });
    }
  }
  items.push(
    { label: 'More' },
    {
      choice: { kind: 'chooseDirectory' },
      label: '$(folder) A Folder with a Root File System…',
      description: 'used read-only',
    },
    {
      choice: { kind: 'chooseHostFolders' },
      label: "$(home) This Machine's Own /, Choosing What Is Seen…",
      description: 'some folders are hidden by default',
    },
    {
      choice: { kind: 'pullImage' },
      label: '$(cloud-download) Pull an Image…',
      description: 'from a registry',
    },
    {
      choice: { kind: 'importImage' },
      label: '$(desktop-download) Import an Archive…',
      description: 'of a root file system or of images, as docker save writes them',
    },
    {
      choice: { kind: 'buildImage' },
      label: '$(tools) Build from This Machine’s Programs…',
      description: 'with their loader and libraries',
    },
  );
  if (withSpecification) {
    items.push({
      choice: { kind: 'specification' },
      label: '$(file-code) From a Specification File…',
      description: 'every setting, with completion',
    });
  }
  return items;
}

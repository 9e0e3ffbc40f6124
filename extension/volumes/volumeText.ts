import type { VolumeSummary, VolumeUse } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { localTime } from '../images/imageText.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** The heading of volumes, below the images. */
export function presentVolumes(count: number): Presentation {
  const label = 'Volumes';
  return {
    label,
    description: String(count),
    tooltip: 'Folders kept by name, for containers to mount',
    icon: { id: 'database' },
    contextValue: 'volumes',
    accessibleLabel: `${label}, ${count}`,
  };
}

/** A volume's line: who has it. */
export function presentVolume({ name, createdAt, path, usedBy }: VolumeSummary): Presentation {
  const label = plainText(name, 64);
  const used = usedText(usedBy);
  return {
    label,
    description: used,
    tooltip: tooltipText([name, path, `Made ${localTime(createdAt)}`, ...usedBy.map(useText)]),
    icon: { id: 'database' },
    contextValue: usedBy.length === 0 ? 'volume.unused' : 'volume.used',
    accessibleLabel: `Volume ${label}, ${used}`,
  };
}

/** A line about a volume, and what copying it gives. */
export interface VolumeFact {
  key: string;
  presentation: Presentation;
  copy: string;
}

/** What is to be known of a volume, a line each. `size`: bytes on disk, or why they are not known. */
export function volumeFacts({ createdAt, path, usedBy }: VolumeSummary, size: number | string): VolumeFact[] {
  const bytes = typeof size === 'number' ? formatBytes(size) : size;
  return [
    fact('size', `Size: ${bytes}`, 'dashboard', 'Bytes on disk, as du counts them'),
    fact('created', `Made ${localTime(createdAt)}`, 'calendar'),
    fact('path', path, 'folder', 'Where it is on this machine', path),
    ...usedBy.map((use) => fact(`${use.container}:${use.destination}`, useText(use), 'vm', undefined, use.name)),
  ];
}

/** What removing a volume takes with it, for the question before. */
export function removalDetail(volumes: readonly VolumeSummary[], sizeBytes: number): string {
  const names = volumes.map(({ name }) => plainText(name, 64)).join(', ');
  return `${names}: ${formatBytes(sizeBytes)} on disk. What is in ${volumes.length === 1 ? 'it' : 'them'} is gone for good.`;
}

function usedText(usedBy: readonly VolumeUse[]): string {
  const names = [...new Set(usedBy.map(({ name }) => name))];
  if (names.length === 0) return 'unused';
  return names.length === 1 ? `used by ${plainText(names[0] ?? '', 64)}` : `used by ${names.length} containers`;
}

function useText({ name, destination, mounted }: VolumeUse): string {
  return `${name} has it at ${destination}${mounted ? '' : ', not mounted now'}`;
}

function fact(key: string, text: string, icon: string, tooltip = text, copy = text): VolumeFact {
  const label = plainText(text, 200);
  return {
    key,
    copy,
    presentation: {
      label,
      tooltip: tooltipText([tooltip]),
      icon: { id: icon },
      contextValue: 'volumeFact',
      accessibleLabel: label,
    },
  };
}

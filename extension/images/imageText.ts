import type { ImageSummary } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** An image's line: how large it is, and how many containers hang on it. */
export function presentImage(image: ImageSummary): Presentation {
  const name = plainText(image.name, 100);
  const size = formatBytes(image.sizeBytes);
  const users = image.usedBy.map((user) => plainText(user, 64));
  const used =
    users.length === 0 ? undefined : users.length === 1 ? `used by ${users[0]}` : `used by ${users.length} containers`;
  return {
    label: name,
    description: [size, used].filter(Boolean).join(' · '),
    tooltip: tooltipText([
      name,
      image.digest,
      `${size} unpacked, imported ${localTime(image.createdAt)}`,
      users.length === 0 ? 'No container uses it' : `Used by ${users.join(', ')}`,
      ...image.notes,
    ]),
    icon: image.notes.length > 0 ? { id: 'package', color: 'problemsWarningIcon.foreground' } : { id: 'package' },
    contextValue: users.length === 0 ? 'image.unused' : 'image.used',
    accessibleLabel: [`Image ${name}`, size, used, image.notes.length > 0 ? `${image.notes.length} notes` : undefined]
      .filter(Boolean)
      .join(', '),
  };
}

/** What import flattened or left out, one line each below the image. */
export function presentNote(note: string): Presentation {
  const label = plainText(note);
  return {
    label,
    tooltip: tooltipText([note]),
    icon: { id: 'info' },
    contextValue: 'note',
    accessibleLabel: `Note: ${label}`,
  };
}

/** A moment as this machine's people write it. */
export function localTime(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? plainText(iso, 40) : time.toLocaleString();
}

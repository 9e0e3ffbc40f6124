import type { ArchiveImage, Platform } from '../../helper/protocol/index.js';
import { formatBytes } from '../../helper/protocol/notation.js';
import { iconSafeText } from '../text/untrusted.js';

/** Images of an archive, to choose from: by name, or by digest where they have none. */
export function archiveImageChoices(
  images: readonly ArchiveImage[],
): { label: string; description: string; detail: string; image: ArchiveImage }[] {
  return images.map((image) => ({
    label: `$(package) ${iconSafeText(image.reference ?? image.digest, 100)}`,
    description: [
      image.platform && iconSafeText(platformText(image.platform), 60),
      formatBytes(image.sizeBytes),
      image.layers === 1 ? '1 layer' : `${image.layers} layers`,
    ]
      .filter(Boolean)
      .join(' · '),
    detail: iconSafeText(image.digest, 100),
    image,
  }));
}

/** As the field writes platforms: `linux/arm64/v8`. */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

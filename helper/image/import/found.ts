import { ErrorCode, terrariumError } from '../../protocol/errors.js';
import type { ArchiveImage, Platform } from '../../protocol/images.js';
import type { Descriptor } from '../layout.js';
import type { FileRange, ImageSource } from '../source.js';

/** An image in an archive or layout. */
export interface FoundImage extends ArchiveImage {
  /** Reads what an import of it needs. @throws TerrariumError BadInput */
  open(
    signal?: AbortSignal,
  ): Promise<Pick<ImageSource, 'manifest' | 'config'> & { layerFile(descriptor: Descriptor): FileRange | undefined }>;
}

/**
 * Chooses an image. Of several platforms of one image it is this machine's; otherwise only a choice can tell.
 * @param choice digest or reference
 * @throws TerrariumError NotFound; Invalid, with a list of the images, when there are several
 */
export function chooseImage(images: readonly FoundImage[], choice: string | undefined, here: Platform): FoundImage {
  const candidates =
    choice === undefined ? images : images.filter(({ digest, reference }) => choice === digest || choice === reference);
  const [first] = candidates;
  if (!first) {
    throw choice === undefined
      ? terrariumError(ErrorCode.BadInput, 'The archive holds no image', {
          cause: 'It may hold other things, such as charts or signatures, or images whose layers are not in it.',
        })
      : terrariumError(ErrorCode.NotFound, `There is no image ${JSON.stringify(choice)} in the archive`, {
          cause: `It holds ${listed(images)}.`,
        });
  }
  if (new Set(candidates.map(({ digest }) => digest)).size === 1) {
    return first;
  }
  if (new Set(candidates.map(({ reference }) => reference)).size === 1) {
    const fitting = candidates.filter(({ platform }) => runsOn(platform, here));
    if (fitting.length > 0 && new Set(fitting.map(({ digest }) => digest)).size === 1) {
      return fitting[0] ?? first;
    }
  }
  throw terrariumError(ErrorCode.Invalid, 'The archive holds several images', {
    cause: `It holds ${listed(candidates)}.`,
    fix: 'Choose one, by reference or digest.',
  });
}

/** Whether an image for `platform` is one for `here`; variants are a matter of older processors. */
export function runsOn(platform: Platform | undefined, here: Platform): boolean {
  return platform?.os === here.os && platform.architecture === here.architecture;
}

const maximumListed = 20;

function listed(images: readonly FoundImage[]): string {
  const names = images.map(({ reference, digest, platform }) =>
    [reference ?? digest, ...(platform ? [`(${platform.os}/${platform.architecture})`] : [])].join(' '),
  );
  const more = names.length - maximumListed;
  return names.slice(0, maximumListed).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

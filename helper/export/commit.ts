import type { Machine } from '../container/machine.js';
import { checkImageName } from '../image/reference.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { CommitParams, ImageSummary } from '../protocol/images.js';
import { containerImage, type ExportOptions } from './containerImage.js';

/**
 * Makes an image of a container and puts it into the store. After an error or a cancel the store is as before, and the
 * container runs on.
 * @throws Invalid, NameTaken, NotFound, WrongState, Unavailable
 */
export async function commitContainer(
  machine: Machine,
  params: Omit<CommitParams, 'progress'>,
  options: ExportOptions,
): Promise<ImageSummary> {
  const { images, store } = machine;
  checkImageName(params.name);
  await refuseTaken(machine, params.name);
  const record = await store.find(params.container);
  return images.withScratch(async (scratch) => {
    const { documents, file, notes } = await containerImage(machine, record, params, scratch, options);
    const summary = await images.add(
      params.name,
      {
        ...documents,
        phase: 'pack',
        layerFile: (descriptor) => ({ path: file(descriptor) }),
        fetchLayer: async ({ digest }) => {
          throw terrariumError(ErrorCode.NotFound, `A layer of the image that ${record.name} was made from is gone`, {
            cause: digest,
            fix: 'Try again: it is then made anew from its files.',
          });
        },
      },
      options,
    );
    return { ...summary, notes: [...summary.notes, ...notes] };
  });
}

/** Before the work, not after it; the store has the last word. */
async function refuseTaken({ images }: Machine, name: string): Promise<void> {
  if ((await images.list()).some((image) => image.name === name)) {
    throw terrariumError(ErrorCode.NameTaken, `An image named ${JSON.stringify(name)} exists already`, {
      fix: 'Choose another name, or remove that image first.',
    });
  }
}

import { type FileHandle, open, readFile } from 'node:fs/promises';
import type { Descriptor } from '../image/layout.js';
import type { Image, ImageStore, ImportOptions } from '../image/store.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { PushParams } from '../protocol/images.js';
import { type RegistryEnvironment, withSession } from './connect.js';
import { formatReference, manifestKey, parseReference, type Reference } from './reference.js';
import type { Session } from './session.js';
import { discard } from './transport.js';
import { uploadBlob } from './upload.js';

/** How many blobs are sent at a time. */
const parallel = 3;

/** An image to be sent: its files are open, so that it can even be removed meanwhile. */
interface Parcel {
  descriptor: Descriptor;
  manifest: Buffer;
  blobs: { descriptor: Descriptor; file: FileHandle }[];
}

/**
 * Pushes an image: its blobs, as far as the registry lacks them, and then the manifest, which makes it visible.
 * @returns the digest by which the registry knows it.
 * @throws TerrariumError
 */
export async function pushImage(
  { name, ...params }: Omit<PushParams, 'progress'>,
  store: ImageStore,
  environment: RegistryEnvironment,
  { signal = new AbortController().signal, onProgress }: ImportOptions,
): Promise<{ digest: string }> {
  const target = parseReference(params.reference);
  // Opened under the store's lock, which is not kept while a slow network is waited for.
  const parcel = await store.use(name, openParcel);
  try {
    const { digest } = parcel.descriptor;
    if (target.digest !== undefined && target.digest !== digest) {
      throw terrariumError(ErrorCode.Invalid, `${name} is not the image that the digest says`, {
        cause: `Its digest is ${digest}.`,
        fix: 'Leave out the digest, or push the image that has it.',
      });
    }
    const from = mountableFrom(name, target);
    return await withSession(
      params,
      'pull,push',
      environment,
      signal,
      async (session) => {
        await sendBlobs(session, parcel, from, onProgress);
        await sendManifest(session, parcel);
        return { digest };
      },
      from === undefined ? [] : [from],
    );
  } finally {
    await Promise.all(parcel.blobs.map(({ file }) => file.close()));
  }
}

async function openParcel({ manifest, descriptor, blobPath }: Image): Promise<Parcel> {
  const blobs: Parcel['blobs'] = [];
  try {
    const all = [...manifest.layers, manifest.config].map((blob) => [blob.digest, blob] as const);
    for (const blob of new Map(all).values()) blobs.push({ descriptor: blob, file: await open(blobPath(blob)) });
    return { descriptor, manifest: await readFile(blobPath(descriptor)), blobs };
  } catch (error) {
    await Promise.all(blobs.map(({ file }) => file.close()));
    throw error;
  }
}

/** Where an image was pulled from, when that is another repository of the same registry: blobs need not be sent then. */
export function mountableFrom(name: string, target: Reference): string | undefined {
  let source: Reference;
  try {
    source = parseReference(name);
  } catch {
    // Names of images may be anything.
    return undefined;
  }
  const isInFull = formatReference(source) === name;
  const isOther = source.registry === target.registry && source.repository !== target.repository;
  return isInFull && isOther ? source.repository : undefined;
}

async function sendBlobs(
  session: Session,
  { blobs }: Parcel,
  mountFrom: string | undefined,
  onProgress: ImportOptions['onProgress'],
): Promise<void> {
  const totalBytes = blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  const done = new Map<string, number>();
  const report = (item: string, bytes: number) => {
    done.set(item, bytes);
    const doneBytes = [...done.values()].reduce((sum, count) => sum + count, 0);
    onProgress?.({ phase: 'upload', doneBytes, totalBytes, entries: 0, item });
  };
  // After the first failure the others are ended, and only then it is thrown: the files are closed after that.
  const abort = new AbortController();
  const sending = session.until(AbortSignal.any([session.signal, abort.signal]));
  const queue = [...blobs];
  let failure: unknown;
  const work = async () => {
    for (let blob = queue.shift(); blob && !abort.signal.aborted; blob = queue.shift()) {
      const { descriptor, file } = blob;
      try {
        await uploadBlob(sending, { descriptor, file, mountFrom, report: (bytes) => report(descriptor.digest, bytes) });
      } catch (error) {
        failure ??= error;
        abort.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  if (failure !== undefined) throw failure;
}

async function sendManifest(session: Session, { descriptor, manifest }: Parcel): Promise<void> {
  const response = await session.request(session.url('manifests', manifestKey(session.reference)), {
    method: 'PUT',
    headers: { 'content-type': descriptor.mediaType, 'content-length': String(manifest.length) },
    body: () => manifest,
    isWork: true,
    expected: [201],
  });
  await discard(response);
}

import { badInput } from '../image/failure.js';
import { type ImageConfig, parseConfig, parseManifest } from '../image/layout.js';
import { thisPlatform } from '../image/platform.js';
import { checkImageName } from '../image/reference.js';
import { checkBytes, type ImageSource } from '../image/source.js';
import type { ImageStore, ImportOptions } from '../image/store.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { ImageSummary, Platform, PullParams, RegistryParams } from '../protocol/images.js';
import { type RegistryEnvironment, withSession } from './connect.js';
import { downloadBlob, fetchBlob } from './download.js';
import {
  type Document,
  fetchDocument,
  fetchForPlatform,
  isIndex,
  onlyEntry,
  platformEntries,
  platformOf,
} from './manifest.js';
import { choosePlatform, formatPlatform } from './platform.js';
import { formatReference, parseReference } from './reference.js';
import type { Session } from './session.js';

/** Platforms that a reference has images for. @throws TerrariumError */
export async function listPlatforms(
  params: RegistryParams,
  environment: RegistryEnvironment,
  signal: AbortSignal,
): Promise<Platform[]> {
  return await withSession(params, 'pull', environment, signal, async (session) => {
    const document = await fetchDocument(session);
    const entries = isIndex(document) ? platformEntries(document) : [];
    if (!isIndex(document) || onlyEntry(entries) !== undefined) {
      const manifest = await fetchForPlatform(session, document, thisPlatform());
      return [platformIn((await fetchConfig(session, manifest)).content)];
    }
    const platforms = entries.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
    return [...new Map(platforms.map((platform) => [formatPlatform(platform), platform])).values()];
  });
}

/**
 * Pulls an image into the store. An image that was pulled from the same reference before is replaced; a name that was
 * chosen must be free. After an error or a cancel the store is as before.
 * @throws TerrariumError
 */
export async function pullImage(
  { name, platform, ...params }: Omit<PullParams, 'progress'>,
  store: ImageStore,
  environment: RegistryEnvironment,
  { signal = new AbortController().signal, onProgress }: ImportOptions,
): Promise<ImageSummary> {
  const imageName = checkImageName(name ?? formatReference(parseReference(params.reference)));
  return await withSession(params, 'pull', environment, signal, async (session) => {
    const source = await imageSource(session, platform ?? thisPlatform());
    return await store.add(imageName, source, { signal, onProgress, replace: name === undefined });
  });
}

async function imageSource(session: Session, wanted: Platform): Promise<ImageSource> {
  const manifest = await fetchForPlatform(session, await fetchDocument(session), wanted);
  const config = await fetchConfig(session, manifest);
  const actual = platformIn(config.content);
  if (choosePlatform([actual], wanted) === -1) {
    throw terrariumError(ErrorCode.NotFound, `There is no image for ${formatPlatform(wanted)}`, {
      cause: `The only one is for ${formatPlatform(actual)}.`,
      fix: 'Choose that platform, or another tag.',
    });
  }
  return {
    manifest,
    config: config.bytes,
    phase: 'download',
    fetchLayer: (descriptor, file, { signal, report }) => downloadBlob(session.until(signal), descriptor, file, report),
  };
}

async function fetchConfig(session: Session, { bytes }: Document): Promise<{ bytes: Buffer; content: ImageConfig }> {
  const { config } = parseManifest(bytes, 'the manifest');
  if (!/^application\/vnd\.(?:oci\.image\.config|docker\.container\.image)\.v1\+json$/.test(config.mediaType)) {
    throw badInput(
      `This is no container image: its configuration is ${JSON.stringify(config.mediaType.slice(0, 100))}`,
      {
        cause: 'Registries hold other things too, such as charts and signatures.',
      },
    );
  }
  const content = await fetchBlob(session, config);
  checkBytes(content, config, 'the configuration');
  return { bytes: content, content: parseConfig(content, 'the configuration') };
}

function platformIn({ os, architecture, variant }: ImageConfig): Platform {
  return platformOf({ os, architecture, variant: variant ?? undefined });
}

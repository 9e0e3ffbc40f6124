import { z } from 'zod';
import { badInput } from '../image/failure.js';
import { type Descriptor, digestSchema, mediaTypes } from '../image/layout.js';
import { digestOf } from '../image/source.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { Platform } from '../protocol/images.js';
import { choosePlatform, formatPlatform } from './platform.js';
import { manifestKey } from './reference.js';
import type { Session } from './session.js';
import { discard, headerOf } from './transport.js';

const dockerIndexType = 'application/vnd.docker.distribution.manifest.list.v2+json';
const dockerManifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const indexTypes: readonly string[] = [mediaTypes.index, dockerIndexType];
const manifestTypes: readonly string[] = [mediaTypes.manifest, dockerManifestType];
/** Docker's first format: it has no digests of what is unpacked, and its parts cannot be checked one by one. */
const schema1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;

/** distribution-spec, "Pulling manifests": what registries are asked to take, too. */
export const largestDocument = 4 * 1024 * 1024;

/** A document of a registry, whose bytes are what its digest says. */
export interface Document {
  mediaType: string;
  bytes: Buffer;
  digest: string;
  content: unknown;
}

const platformSchema = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
});
const indexSchema = z.looseObject({
  manifests: z.array(
    z.looseObject({
      mediaType: z.string(),
      digest: digestSchema,
      size: z.int().nonnegative(),
      platform: platformSchema.optional(),
    }),
  ),
});
const typedSchema = z.looseObject({ mediaType: z.string().optional(), schemaVersion: z.number().optional() });

/** Fetches what a reference names: an index or a manifest. @throws TerrariumError */
export async function fetchDocument(session: Session): Promise<Document> {
  const { reference } = session;
  return await fetchManifest(session, manifestKey(reference), reference.digest);
}

/** @param digest what it must have; undefined when only the registry knows. */
async function fetchManifest(session: Session, key: string, digest?: string, size?: number): Promise<Document> {
  const accept = [...indexTypes, ...manifestTypes].join(', ');
  return await session.retried(async () => {
    const response = await session.exchange(session.url('manifests', key), {
      method: 'GET',
      headers: { accept },
      expected: [200],
    });
    const { transport, signal } = session;
    const announced = headerOf(response, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
    if (Number(headerOf(response, 'content-length') ?? 0) > largestDocument) {
      await discard(response);
      throw tooLarge('manifest');
    }
    const bytes = await transport.read(response, largestDocument, signal);
    if (bytes === undefined) throw tooLarge('manifest');
    const expected = digest ?? sha256Of(headerOf(response, 'docker-content-digest'));
    const actual = digestOf(bytes);
    if (expected !== undefined && expected !== actual) {
      throw badInput('The registry sent another manifest than the one that was asked for', {
        cause: `Its digest is ${actual}, and not ${expected}.`,
      });
    }
    if (size !== undefined && bytes.length !== size) {
      throw badInput('The registry sent another manifest than its index speaks of', {
        cause: `It has ${bytes.length} bytes, and not ${size}.`,
      });
    }
    return readDocument(bytes, actual, announced);
  });
}

/** Only the algorithm that is computed here; others are no promise that could be checked. */
function sha256Of(header: string | undefined): string | undefined {
  return digestSchema.safeParse(header).data;
}

/**
 * Tells what a document is. What it says itself counts; a registry that announces something else is not believed, and a
 * document that could be read as an index and as a manifest is none (CVE-2021-41190).
 */
export function readDocument(bytes: Buffer, digest: string, announced: string): Document {
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw badInput('The registry sent something that is no manifest', {
      cause: error instanceof Error ? error.message : String(error),
    });
  }
  const typed = typedSchema.safeParse(content);
  if (!typed.success) throw badInput('The registry sent something that is no manifest');
  const { mediaType = announced, schemaVersion } = typed.data;
  if (schemaVersion === 1 || schema1.test(mediaType)) {
    throw badInput('The image is in the first format of Docker (schema 1), which cannot be used', {
      cause: 'It has no digests of what is unpacked, and registries have given it up.',
      fix: 'Pull it with an old tool and push it again.',
    });
  }
  const known = [...indexTypes, ...manifestTypes];
  if (mediaType !== announced && known.includes(announced)) {
    throw badInput('The registry says that the manifest is of another type than it says itself', {
      cause: `${shown(announced)} and ${shown(mediaType)}.`,
    });
  }
  if (!known.includes(mediaType)) {
    throw badInput(`The registry has something else than an image there: ${shown(mediaType)}`, {
      cause: 'Indexes and manifests of OCI, and of Docker (schema 2), can be used.',
    });
  }
  const has = (name: string) => Object.hasOwn(typed.data, name);
  if (has('manifests') && (has('layers') || has('config'))) {
    throw badInput('The manifest is ambiguous: it has parts of an index and of a manifest');
  }
  return { mediaType, bytes, digest, content };
}

export function isIndex({ mediaType }: Document): boolean {
  return indexTypes.includes(mediaType);
}

export interface PlatformEntry {
  descriptor: Descriptor;
  platform?: Platform;
}

/** What an index offers, without what is no image, such as attestations. */
export function platformEntries({ content }: Document): PlatformEntry[] {
  const parsed = indexSchema.safeParse(content);
  if (!parsed.success) {
    throw badInput('The registry sent an index that cannot be read', { cause: z.prettifyError(parsed.error) });
  }
  return parsed.data.manifests
    .filter(({ mediaType, platform }) => manifestTypes.includes(mediaType) && platform?.os !== 'unknown')
    .map(({ platform, mediaType, digest, size }) => ({
      descriptor: { mediaType, digest, size },
      ...(platform && { platform: platformOf(platform) }),
    }));
}

/** The only image of an index that does not say what it is for: its configuration does. */
export function onlyEntry(entries: readonly PlatformEntry[]): PlatformEntry | undefined {
  return entries.length === 1 && entries[0]?.platform === undefined ? entries[0] : undefined;
}

export function platformOf({ os, architecture, variant }: z.infer<typeof platformSchema>): Platform {
  return { os, architecture, ...(variant ? { variant } : {}) };
}

/**
 * The manifest for a platform: of an index the one that runs there, otherwise the document itself.
 * @throws TerrariumError NotFound, with the platforms that there are.
 */
export async function fetchForPlatform(session: Session, document: Document, wanted: Platform): Promise<Document> {
  if (!isIndex(document)) return document;
  const entries = platformEntries(document);
  const platforms = entries.map(({ platform }) => platform);
  const chosen = onlyEntry(entries) ?? entries[choosePlatform(platforms, wanted)];
  if (chosen === undefined) {
    const offered = platforms.flatMap((platform) => (platform === undefined ? [] : [formatPlatform(platform)]));
    throw terrariumError(ErrorCode.NotFound, `There is no image for ${formatPlatform(wanted)}`, {
      cause: `There are images for ${offered.join(', ').slice(0, 500) || 'no platform'}.`,
      fix: 'Choose one of these platforms, or another tag.',
    });
  }
  const { digest, size } = chosen.descriptor;
  const manifest = await fetchManifest(session, digest, digest, size);
  if (isIndex(manifest)) throw badInput('The index leads to another index, which is not followed');
  return manifest;
}

/** What a manifest that is too large is answered with, or a configuration. */
export function tooLarge(what: string) {
  return badInput(`The ${what} of the image is too large`, {
    cause: `More than ${largestDocument / 1024 / 1024} MiB are not read.`,
  });
}

/** Untrusted text, for a message. */
function shown(mediaType: string): string {
  return JSON.stringify(mediaType.slice(0, 100));
}

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput, failedWith } from './failure.js';

/** image-spec descriptor.md: only the algorithm we compute, so that a digest is always safe as a file name. */
export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'not a sha256 digest');

const descriptorSchema = z.looseObject({
  mediaType: z.string(),
  digest: digestSchema,
  size: z.int().nonnegative(),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type Descriptor = z.infer<typeof descriptorSchema>;

const indexSchema = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(descriptorSchema) });
export type Index = z.infer<typeof indexSchema>;

const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;

const historySchema = z.looseObject({
  created: z.string().nullish(),
  created_by: z.string().nullish(),
  comment: z.string().nullish(),
  empty_layer: z.boolean().nullish(),
});

const imageConfigSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().nullish(),
  created: z.string().nullish(),
  config: z
    .looseObject({
      User: z.string().optional(),
      Env: z.array(z.string()).nullish(),
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      WorkingDir: z.string().optional(),
    })
    .nullish(),
  rootfs: z.looseObject({ type: z.literal('layers'), diff_ids: z.array(digestSchema) }),
  history: z.array(historySchema).nullish(),
});
/** image-spec config.md: what an image wants to be run with. Untrusted, like everything in an image. */
export type ImageConfig = z.infer<typeof imageConfigSchema>;

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
} as const;

/** The annotation that names a manifest in an index. */
export const refNameAnnotation = 'org.opencontainers.image.ref.name';

/** Bytes. Manifests and configurations are small; registries refuse larger ones too. */
export const largestDocument = 4 * 1024 * 1024;

/**
 * An OCI image layout (image-spec image-layout.md): `oci-layout`, `index.json` and blobs by digest. Writes are atomic
 * and on disk when they return; whoever changes the index locks against others.
 */
export class Layout {
  /** @param scratch a folder on the same file system, for files that are not complete yet. */
  constructor(
    readonly folder: string,
    private readonly scratch: string,
  ) {}

  /** The folder of all blobs, named by the hex digits of their digests. */
  get blobs(): string {
    return join(this.folder, 'blobs', 'sha256');
  }

  /** Makes what is missing. */
  async prepare(): Promise<void> {
    await mkdir(this.blobs, { recursive: true, mode: 0o700 });
    await this.writeMissing('oci-layout', { imageLayoutVersion: '1.0.0' });
    await this.writeMissing('index.json', { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] });
  }

  async readIndex(): Promise<Index> {
    const path = join(this.folder, 'index.json');
    return parse(indexSchema, await readFile(path), (cause) => damaged(path, cause));
  }

  async writeIndex(index: Index): Promise<void> {
    await this.writeFile(join(this.folder, 'index.json'), JSON.stringify(index));
  }

  async readManifest(descriptor: Descriptor): Promise<Manifest> {
    const path = this.blobPath(descriptor.digest);
    return parse(manifestSchema, await this.readBlob(descriptor), (cause) => damaged(path, cause));
  }

  async readConfig(descriptor: Descriptor): Promise<ImageConfig> {
    const path = this.blobPath(descriptor.digest);
    return parse(imageConfigSchema, await this.readBlob(descriptor), (cause) => damaged(path, cause));
  }

  /** Stores a document, as it is. @returns its descriptor. */
  async addDocument(mediaType: string, bytes: Buffer): Promise<Descriptor> {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await this.writeFile(this.blobPath(digest), bytes);
    return { mediaType, digest, size: bytes.length };
  }

  async hasBlob({ digest, size }: Descriptor): Promise<boolean> {
    try {
      return (await stat(this.blobPath(digest))).size === size;
    } catch (error) {
      if (failedWith(error, 'ENOENT')) {
        return false;
      }
      throw error;
    }
  }

  /** Moves a finished, synced file to its digest's place. */
  async addBlob(file: string, digest: string): Promise<void> {
    await rename(file, this.blobPath(digest));
    await syncFolder(this.blobs);
  }

  blobPath(digest: string): string {
    return join(this.blobs, hexOf(digest));
  }

  /** @throws TerrariumError BadInput when the content is not what the digest says. */
  private async readBlob({ digest, size }: Descriptor): Promise<Buffer> {
    const path = this.blobPath(digest);
    const status = await stat(path).catch((error: unknown) => {
      throw failedWith(error, 'ENOENT') ? damaged(path, 'it is missing') : error;
    });
    if (size > largestDocument || status.size !== size) {
      throw damaged(path, `it has ${status.size} bytes, not ${size}`);
    }
    const bytes = await readFile(path);
    if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest) {
      throw damaged(path, 'its content does not match its digest');
    }
    return bytes;
  }

  private async writeMissing(name: string, document: unknown): Promise<void> {
    const path = join(this.folder, name);
    try {
      await stat(path);
    } catch (error) {
      if (!failedWith(error, 'ENOENT')) {
        throw error;
      }
      await this.writeFile(path, JSON.stringify(document));
    }
  }

  private async writeFile(path: string, content: string | Buffer): Promise<void> {
    await writeAtomically(path, content, this.scratch);
  }
}

/** The file name of a digest. */
export function hexOf(digest: string): string {
  return digestSchema.parse(digest).slice('sha256:'.length);
}

let written = 0;

/** Writes a temporary file, syncs it and renames it: readers see the old content or the new, also after a crash. */
export async function writeAtomically(path: string, content: string | Buffer, scratch: string): Promise<void> {
  const temporary = join(scratch, `file-${process.pid}-${written++}`);
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(join(path, '..'));
}

/** Makes renames in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Reads an index that is not in the store. @param what such as `the manifest`. @throws TerrariumError BadInput */
export function parseIndex(bytes: Buffer, what: string): Index {
  return parseForeign(indexSchema, bytes, what);
}

/** The same for a manifest. */
export function parseManifest(bytes: Buffer, what: string): Manifest {
  return parseForeign(manifestSchema, bytes, what);
}

/** The same for a configuration. */
export function parseConfig(bytes: Buffer, what: string): ImageConfig {
  return parseForeign(imageConfigSchema, bytes, what);
}

function parseForeign<T>(schema: z.ZodType<T>, bytes: Buffer, what: string): T {
  if (bytes.length > largestDocument) {
    throw badInput(`The image cannot be used: ${what} has ${bytes.length} bytes, more than ${largestDocument}`);
  }
  return parse(schema, bytes, (cause) => badInput(`The image cannot be used: ${what} is not well-formed`, { cause }));
}

function parse<T>(schema: z.ZodType<T>, bytes: Buffer, fail: (cause: string) => Error): T {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error));
  }
  const result = schema.safeParse(document);
  if (!result.success) {
    throw fail(z.prettifyError(result.error));
  }
  return result.data;
}

function damaged(path: string, cause: string) {
  return badInput(`The image store is damaged: ${path} cannot be used`, {
    path,
    cause,
    fix: 'Remove the image and import it again.',
  });
}

import * as path from 'node:path';
import type { ImageConfig } from '../image/layout.js';
import { composeDocuments } from '../image/source.js';
import type { ImageStore, ImportOptions } from '../image/store.js';
import type { BuildExtra, BuildParams, BuildResult } from '../protocol/images.js';
import { type Collection, collect } from './collect.js';
import type { Machine } from './elf.js';
import { describeFile } from './fileList.js';
import { HostFiles } from './hostFiles.js';
import { newestTime, packFiles } from './pack.js';
import { programFolders } from './programs.js';

/** Go's names, which OCI uses. */
const architectures: Readonly<Record<Machine, string>> = { 'x86-64': 'amd64', aarch64: 'arm64' };

/**
 * Makes an image of programs of this machine with all that they need to start: see `collect`. The same programs, as they
 * are, give the same image, byte for byte.
 * @throws TerrariumError Invalid (name, no programs), NotFound, BadInput (programs), NameTaken, Unavailable (no room).
 */
export async function buildImage(
  store: ImageStore,
  { name, programs, extras = [] }: Pick<BuildParams, 'name' | 'programs' | 'extras'>,
  options: ImportOptions = {},
): Promise<BuildResult> {
  const files = new HostFiles();
  const folders = programFolders(process.env.PATH);
  const language = process.env.LANG || 'C.UTF-8';
  const collection = await collect(files, { programs, extras, folders, language });
  const image = await store.withScratch(async (scratch) => {
    const file = path.join(scratch, 'layer.tar');
    const layer = await packFiles(files, collection.files, file, {
      signal: options.signal,
      onProgress: (progress) => options.onProgress?.({ phase: 'copy', ...progress }),
    });
    return await store.add(
      name,
      {
        ...composeDocuments(configOf(collection, { programs, extras, language, diffId: layer.digest }), [layer]),
        phase: 'copy',
        layerFile: () => ({ path: file }),
        fetchLayer: () => Promise.reject(new Error('The layer is in the file that layerFile names')),
      },
      options,
    );
  });
  return { image, files: collection.files.map(describeFile), notes: collection.notes };
}

function configOf(
  { files, command, programs: paths, machine }: Collection,
  {
    programs,
    extras,
    language,
    diffId,
  }: { programs: readonly string[]; extras: readonly BuildExtra[]; language: string; diffId: string },
): ImageConfig {
  const created = new Date(newestTime(files) * 1000).toISOString();
  const words = [...programs, ...(extras.length > 0 ? ['--extra', extras.join(',')] : [])];
  return {
    created,
    architecture: architectures[machine],
    os: 'linux',
    config: {
      Cmd: [command],
      Env: [
        `PATH=${[...new Set([...programFolders(undefined), ...paths.map((program) => path.dirname(program))])].join(':')}`,
        ...(extras.includes('locale') ? [`LANG=${language}`] : []),
      ],
    },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, created_by: `terrarium build ${words.join(' ')}` }],
  };
}

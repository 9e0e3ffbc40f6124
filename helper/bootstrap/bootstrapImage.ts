import * as path from 'node:path';
import type { Machine } from '../container/machine.js';
import type { ImageConfig } from '../image/layout.js';
import { thisPlatform } from '../image/platform.js';
import { checkImageName } from '../image/reference.js';
import { composeDocuments } from '../image/source.js';
import type { ImportOptions } from '../image/store.js';
import type { BootstrapParams, ImageSummary } from '../protocol/images.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { bootstrapCommand } from './command.js';
import { runTool } from './run.js';
import { findBootstrapTools, type ToolName } from './tools.js';

export interface BootstrapOptions extends ImportOptions {
  /** What the tool prints, as it prints it. */
  onText: (text: string) => void;
}

/**
 * Installs a distribution into a new image, as root of the containers' user namespace: owners are then right, and
 * whoever runs it needs no rights on this machine.
 * @throws TerrariumError Unavailable when a tool or a range of ids is missing, or the tool fails; Invalid, NameTaken.
 */
export async function bootstrapImage(
  machine: Machine,
  params: BootstrapParams,
  { signal, onProgress, onText }: BootstrapOptions,
): Promise<ImageSummary> {
  const { name, suite } = params;
  const { images, identity, stage, zygote } = machine;
  const tool = chooseTool(params.tool);
  checkImageName(name);
  // Validated before minutes are spent; the store checks the name again.
  bootstrapCommand(tool, params, '/');
  if ((await images.list()).some((image) => image.name === name)) {
    throw terrariumError(ErrorCode.NameTaken, `An image named ${JSON.stringify(name)} exists already`, {
      fix: 'Choose another name, or remove that image first.',
    });
  }
  if (identity.mapping !== 'range') {
    throw terrariumError(ErrorCode.Unavailable, 'A distribution cannot be installed without a range of ids', {
      cause: identity.explanation,
      fix: 'Ask an administrator for a range of ids, then start again.',
      command: 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"',
      doctor: 'id-range',
    });
  }
  return await images.withScratch(async (folder) => {
    const file = path.join(folder, 'root.tar');
    onProgress?.({ phase: 'download', doneBytes: 0, totalBytes: 0, entries: 0, item: tool.tool });
    const { digest, size } = await runTool({
      command: bootstrapCommand(tool, params, folder),
      namespace: await zygote.pid(),
      stage,
      folder,
      output: file,
      signal,
      onText,
      onBytes: (doneBytes) => onProgress?.({ phase: 'pack', doneBytes, totalBytes: 0, entries: 0 }),
    });
    const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size };
    return await images.add(
      name,
      {
        ...composeDocuments(configOf(tool.tool, suite, digest), [layer]),
        phase: 'copy',
        layerFile: () => ({ path: file }),
        fetchLayer: () => Promise.reject(new Error('The layer is in the file that layerFile names')),
      },
      { signal, onProgress },
    );
  });
}

function chooseTool(wanted: ToolName | undefined): { tool: ToolName; path: string } {
  const tools = findBootstrapTools().filter(({ tool }) => wanted === undefined || tool === wanted);
  for (const { tool, path: found } of tools) if (found !== undefined) return { tool, path: found };
  const command = tools.find((tool) => tool.command !== undefined)?.command;
  throw terrariumError(
    ErrorCode.Unavailable,
    wanted === undefined ? 'Neither mmdebstrap nor debootstrap is installed' : `${wanted} is not installed`,
    {
      fix: 'Install it, or import an archive of a root file system instead.',
      ...(command === undefined ? {} : { command }),
      doctor: 'bootstrap',
    },
  );
}

function configOf(tool: ToolName, suite: string, diffId: string): ImageConfig {
  const created = new Date().toISOString();
  return {
    created,
    ...thisPlatform(),
    config: { Cmd: ['/bin/bash'] },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, created_by: `terrarium bootstrap ${suite}`, comment: tool }],
  };
}

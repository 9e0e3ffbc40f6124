import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changeSource } from '../changes/source.js';
import { configFor } from '../container/create.js';
import type { Machine } from '../container/machine.js';
import type { ContainerRecord } from '../container/record.js';
import { withRoot } from '../container/root.js';
import { layerAgent } from '../image/layerAgent.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import type { ContainerSpecification, ExportParams, oci } from '../protocol/index.js';
import { dockerArchive, ociArchive } from './archiveMembers.js';
import { archiveName } from './archiveName.js';
import { containerTree, refuseHostRoot } from './base.js';
import { bundleConfig } from './bundleConfig.js';
import {
  agentOptions,
  containerImage,
  type ExportOptions,
  holdImage,
  type ImageContent,
  storedImage,
} from './containerImage.js';
import { writeBeside } from './destination.js';
import { containerManifest } from './pod.js';
import type { MemberFacts } from './podContainer.js';
import { CopyTree, type TreeSource, WriteArchive, WriteTar } from './protocol.js';
import { elsewhere, memberFacts, wholePod } from './wholePod.js';

export interface Exported {
  path: string;
  sizeBytes: number;
  notes: string[];
}

type Params = Omit<ExportParams, 'progress'>;

/**
 * Writes an image or a container to a file or folder of this machine. After an error or a cancel nothing is left there.
 * @throws Invalid, NotFound, NameTaken, WrongState, Unavailable
 */
export async function exportImage(machine: Machine, params: Params, options: ExportOptions): Promise<Exported> {
  return machine.images.withScratch((scratch) => new Export(machine, params, options, scratch).write());
}

class Export {
  constructor(
    private readonly machine: Machine,
    private readonly params: Params,
    private readonly options: ExportOptions,
    private readonly scratch: string,
  ) {}

  async write(): Promise<Exported> {
    const { source, format, destination } = this.params;
    if (source.kind === 'pod' && format !== 'kube') {
      throw terrariumError(ErrorCode.Invalid, `A pod is exported as a Pod manifest (kube), not as ${format}`, {
        fix: 'Export its containers one by one, or choose a file that ends with .yaml.',
        command: `terrarium pod export ${source.pod} ${source.pod}.yaml`,
      });
    }
    const kind = format === 'bundle' ? 'folder' : 'file';
    const { bytes, notes } = await writeBeside(
      destination,
      kind,
      async (temporary) => {
        const written = await this.writeTo(temporary);
        return { ...written, bytes: written.bytes ?? (await stat(temporary)).size };
      },
      (path) => layerAgent(this.machine.agent).removeTree(path),
    );
    return { path: destination, sizeBytes: bytes, notes };
  }

  private writeTo(temporary: string): Promise<{ notes: string[]; bytes?: number }> {
    switch (this.params.format) {
      case 'tar':
        return this.writeTar(temporary);
      case 'oci-archive':
      case 'docker-archive':
        return this.writeArchive(temporary, this.params.format);
      case 'bundle':
        return this.writeBundle(temporary);
      case 'kube':
        return this.writePod(temporary);
    }
  }

  private async writeTar(file: string): Promise<{ notes: string[] }> {
    const { agent } = this.machine;
    const record = await this.container();
    const isHost = record !== undefined && (record.specification.root ?? { kind: 'host' }).kind === 'host';
    if (isHost) return this.writeChanges(record, file);
    const { notes } = await agent.request(
      WriteTar,
      { file, tree: await this.tree(record) },
      agentOptions(this.options),
    );
    return { notes };
  }

  private async writeChanges(record: ContainerRecord, file: string): Promise<{ notes: string[] }> {
    const changes = await changeSource(this.machine, record);
    if (changes === undefined) {
      throw terrariumError(ErrorCode.WrongState, `${record.name} has changed nothing that could be exported`);
    }
    const { notes } = await this.machine.agent.request(WriteTar, { file, changes }, agentOptions(this.options));
    return {
      notes: [
        "The container's root is this machine's own: only its changes are exported, as a layer (.wh.NAME: NAME was deleted).",
        ...notes,
      ],
    };
  }

  private async writeArchive(file: string, format: 'oci-archive' | 'docker-archive') {
    const { content, name } = await this.image();
    const called = archiveName(name);
    const members = format === 'oci-archive' ? ociArchive(content, called ?? name) : dockerArchive(content, called);
    await this.machine.agent.request(
      WriteArchive,
      { file, members, scratch: this.scratch },
      agentOptions(this.options),
    );
    const isNameless = format === 'docker-archive' && called === undefined;
    return {
      notes: [
        ...content.notes,
        ...(isNameless
          ? [`The image has no name in the archive: ${JSON.stringify(name)} is none that Docker allows.`]
          : []),
      ],
    };
  }

  private async writeBundle(folder: string): Promise<{ notes: string[]; bytes: number }> {
    const record = await this.container();
    if (record !== undefined) refuseHostRoot(record, 'exported as a bundle');
    const { specification, config } = record ?? (await this.imageConfig());
    const bundle = bundleConfig(specification, config, this.params.limits);
    const tree = await this.tree(record);
    await mkdir(folder, { mode: 0o700 });
    const { agent } = this.machine;
    const { bytes } = await agent.request(
      CopyTree,
      { tree, folder: join(folder, 'rootfs') },
      agentOptions(this.options),
    );
    await writeFile(join(folder, 'config.json'), `${JSON.stringify(bundle.config, null, 2)}\n`, { mode: 0o600 });
    return { notes: bundle.notes, bytes };
  }

  private async writePod(file: string): Promise<{ notes: string[] }> {
    const { source } = this.params;
    const pod =
      source.kind === 'pod' ? await wholePod(this.machine, source.pod) : containerManifest(await this.podMember());
    await writeFile(file, pod.text, { mode: 0o600, flag: 'wx' });
    const archive = 'The image has to be where the manifest is played: export it as docker-archive, and load that.';
    return { notes: [...pod.notes, archive] };
  }

  private async podMember(): Promise<MemberFacts> {
    const record = await this.container();
    if (record !== undefined) return memberFacts(this.machine, record);
    const name = this.imageName();
    return { name, image: elsewhere(name, name), ...(await this.imageConfig()) };
  }

  private async container(): Promise<ContainerRecord | undefined> {
    const { source } = this.params;
    return source.kind === 'container' ? this.machine.store.find(source.container) : undefined;
  }

  private imageName(): string {
    const { source } = this.params;
    return source.kind === 'image' ? source.name : '';
  }

  /** The tree to be written; of an image, it stays for as long as this takes. */
  private async tree(record: ContainerRecord | undefined): Promise<TreeSource> {
    if (record !== undefined) return containerTree(this.machine, record);
    const image = await this.machine.images.resolve(this.imageName());
    await holdImage(this.machine, image, this.scratch);
    return { layers: image.layers, foreignOwners: false };
  }

  private async image(): Promise<{ content: ImageContent; name: string }> {
    const record = await this.container();
    if (record !== undefined) {
      const content = await containerImage(this.machine, record, {}, this.scratch, this.options);
      return { content, name: record.name };
    }
    const image = await this.machine.images.resolve(this.imageName());
    await holdImage(this.machine, image, this.scratch);
    return { content: await storedImage(image), name: image.name };
  }

  /** What a container from the image would be, with every default. */
  private async imageConfig(): Promise<{ specification: ContainerSpecification; config: oci.Config }> {
    const name = this.imageName();
    const root = { kind: 'image', name } as const;
    const specification = { root };
    return withRoot(this.machine, root, async (resolved) => ({
      specification,
      config: await configFor(this.machine, specification, resolved, 'container', 'rootfs'),
    }));
  }
}

import { ProgressType, RequestType } from 'vscode-jsonrpc';
import type { AgentRequest } from '../agent/router.js';
import type { ChangeSource } from '../changes/protocol.js';
import type { ImageProgress } from '../protocol/images.js';

/** A root file system to be read from its layers. */
export interface TreeSource {
  /** Top first, when no container is asked about or none was started. */
  layers: string[];
  /** Of a container: its own layer, and what lies below. */
  changes?: ChangeSource;
  /** Owners that have no id here appear as nobody (65534). */
  foreignOwners: boolean;
}

export interface PackedLayer {
  /** Of the blob. */
  mediaType: string;
  digest: string;
  size: number;
  /** `sha256:…` of the uncompressed tar. */
  diffId: string;
  entries: number;
  notes: string[];
}

/** Writes a layer's blob: of what a container changed, or of a whole tree. `file` must not exist. */
export type PackLayerParams = { file: string } & ({ changes: ChangeSource } | { tree: TreeSource });
export const PackLayer: AgentRequest<PackLayerParams, PackedLayer> = new RequestType('export/layer');

export interface WrittenTree {
  entries: number;
  bytes: number;
  notes: string[];
}
/** Writes a plain tar of a tree, or of what a container changed. `file` must not exist. */
export type WriteTarParams = PackLayerParams;
export const WriteTar: AgentRequest<WriteTarParams, WrittenTree> = new RequestType('export/tar');
/** Copies a tree; `folder` must not exist, its parent must. */
export const CopyTree: AgentRequest<{ tree: TreeSource; folder: string }, { bytes: number }> = new RequestType(
  'export/tree',
);

/** A part of an archive: a folder, or a file made of text, of another file, or of what a compressed one holds. */
export type ArchiveMember =
  | { folder: string }
  | { path: string; text: string }
  | { path: string; file: string }
  | { path: string; compressed: string };
/** Writes an archive of such members. `file` must not exist; `scratch`, a folder, takes what has to be unpacked. */
export interface WriteArchiveParams {
  file: string;
  members: ArchiveMember[];
  scratch: string;
}
export const WriteArchive: AgentRequest<WriteArchiveParams, null> = new RequestType('export/archive');

export const ExportProgressType = new ProgressType<ImageProgress>();

/** Images: getting them, looking at them, giving them away. */
import { NotificationType, ProgressType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { ErrorData } from './errors.js';

export interface ImageSummary {
  name: string;
  /** Of the manifest. */
  digest: string;
  createdAt: string;
  /** Unpacked, on disk. */
  sizeBytes: number;
  /** Names of the containers that use it. */
  usedBy: string[];
  /** What import had to flatten or leave out, for instance devices or owners. */
  notes: string[];
}

/** What long operations report; bytes, of which `totalBytes` may be 0 while it is not known. */
export interface ImageProgress {
  phase: 'read' | 'download' | 'upload' | 'copy' | 'pack' | 'unpack' | 'finish';
  doneBytes: number;
  totalBytes: number;
  entries: number;
  /** What is being worked on, such as a layer's digest or a program: untrusted text. */
  item?: string;
}
/** Long requests take the token as `progress`. All of them can be cancelled, and then leave nothing behind. */
export const ImageProgressType = new ProgressType<ImageProgress>();
interface WithProgress {
  progress?: string;
}

/** image-spec config.md. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

export const ListImages = new RequestType0<ImageSummary[], ErrorData>('image/list');

// ---- getting one -------------------------------------------------------------------------------------------------
export interface ArchiveImage {
  /** How the archive calls it, such as `docker.io/library/alpine:3.20`; untrusted. */
  reference?: string;
  /** Of its manifest, or for a docker-archive of its configuration: chooses it when importing. */
  digest: string;
  platform?: Platform;
  layers: number;
  /** Of its layers, as they are stored. */
  sizeBytes: number;
}
export interface ArchiveContent {
  /** `root`: a plain tar of a root file system. Told by content, never by name. */
  kind: 'root' | 'docker-archive' | 'oci-archive' | 'oci-layout';
  /** Empty for `root`. */
  images: ArchiveImage[];
}
/** Looks at an archive, or at the folder of an OCI layout, without importing it. */
export const InspectArchive = new RequestType<{ file: string }, ArchiveContent, ErrorData>('image/archive');
export interface ImportParams extends WithProgress {
  /** A tar, plain or compressed with gzip, xz, zstd or bzip2: of a root, a docker-archive, an OCI archive. Or the folder of an OCI layout. */
  file: string;
  /** Name of the new image. Default, for an archive of images: the reference it has there. */
  name?: string;
  /** Which of several images: digest or reference of `ArchiveContent`. */
  image?: string;
}
export const ImportImage = new RequestType<ImportParams, ImageSummary, ErrorData>('image/import');

export interface RegistryCredentials {
  username: string;
  /** Password or token. Never stored by the helper. */
  password: string;
}
export interface RegistryParams {
  /** `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, with Docker's defaults for what is left out. */
  reference: string;
  /** Default: those of ~/.docker/config.json, its credential helpers, or none. */
  credentials?: RegistryCredentials;
  /** Talk http to this registry although it is not on loopback. */
  insecure?: boolean;
}
/** Platforms of a reference: one element when it is no index. `ErrorCode.Unauthorized`: ask for credentials. */
export const ListPlatforms = new RequestType<RegistryParams, Platform[], ErrorData>('image/platforms');
export interface PullParams extends RegistryParams, WithProgress {
  /** Default: the reference, normalised. */
  name?: string;
  /** Default: this machine's. */
  platform?: Platform;
}
export const PullImage = new RequestType<PullParams, ImageSummary, ErrorData>('image/pull');

export interface Program {
  name: string;
  /** Absolute. */
  path: string;
}
/** Programs of this machine, along PATH and in the system's folders. */
export const ListPrograms = new RequestType0<Program[], ErrorData>('image/programs');
export type BuildExtra = 'accounts' | 'certificates' | 'locale' | 'terminfo';
export interface BuildParams extends WithProgress {
  name: string;
  /** Names or absolute paths. */
  programs: string[];
  extras?: BuildExtra[];
}
export interface BuiltFile {
  /** In the image. */
  path: string;
  /** On this machine; absent for what was made, such as folders and links. */
  source?: string;
  /** A sentence, such as "bash needs it (DT_NEEDED libtinfo.so.6)". */
  why: string;
}
export interface BuildResult {
  image: ImageSummary;
  files: BuiltFile[];
  /** What was left out, in sentences. */
  notes: string[];
}
/** Makes a root from programs of this machine, with their loaders, libraries and interpreters. */
export const BuildImage = new RequestType<BuildParams, BuildResult, ErrorData>('image/build');

export interface BootstrapTool {
  tool: 'mmdebstrap' | 'debootstrap';
  /** Absent: not installed; then `command` installs it. */
  path?: string;
  command?: string;
}
export const FindBootstrapTools = new RequestType0<BootstrapTool[], ErrorData>('image/bootstrapTools');
export interface BootstrapParams extends WithProgress {
  name: string;
  /** Such as `bookworm` or `noble`. */
  suite: string;
  /** Default: the tool's own. A URL, or a `deb …` line. */
  mirror?: string;
  /** Default `minbase`. */
  variant?: string;
  /** Packages beside those of the variant. */
  packages?: string[];
  tool?: 'mmdebstrap' | 'debootstrap';
}
/** Installs a distribution into a new image; what the tool prints comes as `BootstrapOutput`. */
export const BootstrapImage = new RequestType<BootstrapParams, ImageSummary, ErrorData>('image/bootstrap');
export const BootstrapOutput = new NotificationType<{ name: string; text: string }>('image/bootstrapOutput');

/** A folder of this machine's `/` and what a container on it sees there by default. */
export interface HostFolder {
  path: string;
  view: 'layered' | 'hidden' | 'own';
  /** Why, in a sentence. */
  why: string;
  /** Hidden, and cannot be shown. */
  locked?: boolean;
}
export const ListHostFolders = new RequestType0<HostFolder[], ErrorData>('image/hostFolders');

// ---- looking at one ----------------------------------------------------------------------------------------------
export interface ImageReference {
  name: string;
}
export interface LayerDetails {
  diffId: string;
  /** Of the blob, with its media type and size. */
  digest: string;
  mediaType: string;
  sizeBytes: number;
  /** Bytes of content it unpacks to, and its entries. */
  unpackedBytes: number;
  entries: number;
  /** From the history; untrusted. */
  createdBy?: string;
  createdAt?: string;
  comment?: string;
  /** Other images with this layer. */
  sharedWith: string[];
}
export interface ImageDetails {
  summary: ImageSummary;
  platform: Platform;
  /** Bottom first. */
  layers: LayerDetails[];
  /** The image configuration document. */
  config: unknown;
}
export const InspectImage = new RequestType<ImageReference, ImageDetails, ErrorData>('image/inspect');
export interface LayerEntry {
  path: string;
  /** `hidden`: a whiteout; `opaque`: a folder that hides what lies below it. */
  kind: 'file' | 'directory' | 'symlink' | 'other' | 'hidden' | 'opaque';
  sizeBytes: number;
}
export interface LayerEntriesParams extends ImageReference {
  diffId: string;
  /** Folder in the layer; default `/`. Its own entries only. */
  path?: string;
}
/** What a layer adds, folder by folder. */
export const ListLayerEntries = new RequestType<LayerEntriesParams, LayerEntry[], ErrorData>('image/layerEntries');

// ---- keeping and giving away -------------------------------------------------------------------------------------
/** Gives an image another name; `keep`: beside the old one. */
export const RenameImage = new RequestType<
  ImageReference & { newName: string; keep?: boolean },
  ImageSummary,
  ErrorData
>('image/rename');
export interface RemovalReport {
  images: string[];
  /** Bytes on disk that are freed: blobs and unpacked layers that nothing else needs. */
  freedBytes: number;
  /** What stays although it is asked for, each with the reason. */
  kept: { name: string; why: string }[];
}
/** `preview`: says what would be freed, and removes nothing. */
export const RemoveImage = new RequestType<ImageReference & { preview?: boolean }, RemovalReport, ErrorData>(
  'image/remove',
);
/** Removes images that no container uses (`all`), and always what interrupted operations and removed images left. */
export const PruneImages = new RequestType<{ all?: boolean; preview?: boolean }, RemovalReport, ErrorData>(
  'image/prune',
);
export interface CommitParams extends WithProgress {
  container: string;
  /** Of the new image. */
  name: string;
  comment?: string;
  author?: string;
  /** Replaces fields of the image's configuration. */
  config?: { env?: string[]; args?: string[]; cwd?: string; user?: string };
}
/** Makes an image of a container's image and a layer of what it changed. A running one is frozen meanwhile. */
export const CommitContainer = new RequestType<CommitParams, ImageSummary, ErrorData>('image/commit');
export type ExportSource =
  | { kind: 'image'; name: string }
  | { kind: 'container'; container: string }
  /** Only as `kube`. */
  | { kind: 'pod'; pod: string };
/**
 * `tar`: the root file system; `oci-archive` and `docker-archive`: the image; `bundle`: a folder with config.json and
 * rootfs for crun and runc; `kube`: a Pod manifest, of a pod with all of its containers.
 */
export type ExportFormat = 'tar' | 'oci-archive' | 'docker-archive' | 'bundle' | 'kube';
export interface ExportParams extends WithProgress {
  source: ExportSource;
  format: ExportFormat;
  /** A file or, for `bundle`, a folder: must not exist, or be empty. */
  destination: string;
  /** Of `bundle`: whether it has the container's limits, which some runtimes refuse to ordinary users. Default true. */
  limits?: boolean;
}
export const ExportImage = new RequestType<
  ExportParams,
  { path: string; sizeBytes: number; notes: string[] },
  ErrorData
>('image/export');
export interface PushParams extends RegistryParams, WithProgress {
  name: string;
}
export const PushImage = new RequestType<PushParams, { digest: string }, ErrorData>('image/push');

export const ImagesChanged = new NotificationType<Record<string, never>>('image/changed');

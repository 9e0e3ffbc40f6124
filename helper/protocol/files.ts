/** Files of root file systems: listing, reading, changing, comparing. Paths are absolute in the root, names are UTF-8. */
import { NotificationType, ProgressType, RequestType } from 'vscode-jsonrpc';
import type { ErrorData } from './errors.js';

export type FileRoot =
  /** As the container sees it: running or stopped. */
  | { kind: 'container'; container: string }
  /** What a container was made from: read-only. */
  | { kind: 'base'; container: string }
  /** Read-only. */
  | { kind: 'image'; name: string };

export interface FileReference {
  root: FileRoot;
  path: string;
}

export type FileKind = 'file' | 'directory' | 'symlink' | 'fifo' | 'socket' | 'character' | 'block';

export interface FileEntry {
  name: string;
  kind: FileKind;
  size: number;
  /** Permission bits with setuid, setgid and sticky: 0o7777. */
  mode: number;
  /** Owners as the container sees them; 65534 for ids it does not have. */
  uid: number;
  gid: number;
  /** Owners as this machine sees them. */
  hostUid: number;
  hostGid: number;
  /** Names of the owners in the root's own passwd and group; untrusted. */
  user?: string;
  group?: string;
  /** Milliseconds since the epoch. */
  mtime: number;
  ctime: number;
  links: number;
  /** Of a symlink: untrusted. */
  target?: string;
  /** Of a symlink: what is there when it is followed inside the root; absent when it leads nowhere. */
  targetKind?: FileKind;
  /** As getcap(8) writes it. */
  capabilities?: string;
  /** The uid, as the root has it, whose user namespaces alone they count in; absent: root's, as of all containers. */
  capabilitiesRoot?: number;
  /** Of a file with capabilities: it is on a mount where nobody gets them. */
  nosuid?: boolean;
  /** Something is mounted on it. */
  mountPoint?: boolean;
}

export interface FolderContent {
  entries: FileEntry[];
  /** Why nothing can be changed here, in a sentence; absent when it can. */
  readOnly?: string;
}

/** No link is followed in the last component. */
export const ListFiles = new RequestType<FileReference, FolderContent, ErrorData>('file/list');
/** `follow`: of what the last component leads to. */
export const StatFile = new RequestType<FileReference & { follow?: boolean }, FileEntry, ErrorData>('file/stat');
export interface ReadFileParams extends FileReference {
  /** Default: from 0, all of it, at most 64 MiB in one answer. */
  offset?: number;
  length?: number;
}
/** Content of a regular file, in base64; anything else is refused, never waited for. */
export const ReadFile = new RequestType<ReadFileParams, { data: string; size: number }, ErrorData>('file/read');
export interface WriteFileParams extends FileReference {
  /** base64. */
  data: string;
  create: boolean;
  overwrite: boolean;
  /** Default: the file becomes `data`; else `data` is written there and the rest stays. */
  offset?: number;
}
/** Owner, mode and links of a file that is there already stay as they are. */
export const WriteFile = new RequestType<WriteFileParams, FileEntry, ErrorData>('file/write');
export const CreateFolder = new RequestType<FileReference, FileEntry, ErrorData>('file/createFolder');
export const CreateLink = new RequestType<FileReference & { target: string }, FileEntry, ErrorData>('file/createLink');
export interface MoveParams {
  root: FileRoot;
  from: string;
  to: string;
  overwrite: boolean;
}
export const MoveFile = new RequestType<MoveParams, null, ErrorData>('file/move');
export const CopyFile = new RequestType<MoveParams, null, ErrorData>('file/copy');
export const DeleteFile = new RequestType<FileReference & { recursive: boolean }, null, ErrorData>('file/delete');
export const ChangeMode = new RequestType<FileReference & { mode: number; recursive?: boolean }, null, ErrorData>(
  'file/changeMode',
);
/** `owner`: `user`, `user:group` or numbers, as chown(1), resolved in the root. Only ids that the container has. */
export const ChangeOwner = new RequestType<FileReference & { owner: string; recursive?: boolean }, null, ErrorData>(
  'file/changeOwner',
);
/**
 * File capabilities as setcap(8) takes them, `cap_net_bind_service=ep`; none (empty, or `=`): they are removed. They count in
 * containers of the same user, for programs that run without no_new_privs. Follows links. @throws Invalid
 */
export const SetFileCapabilities = new RequestType<FileReference & { capabilities: string }, FileEntry, ErrorData>(
  'file/setCapabilities',
);

export interface TransferProgress {
  phase: 'copy';
  doneBytes: number;
  totalBytes: number;
  entries: number;
}
export const TransferProgressType = new ProgressType<TransferProgress>();
export interface TransferResult {
  files: number;
  bytes: number;
  /** What was left out or flattened, in sentences. */
  notes: string[];
}
export interface UploadParams {
  root: FileRoot;
  /** Files and folders of this machine. */
  sources: string[];
  /** A folder in the root. */
  destination: string;
  overwrite: boolean;
  progress?: string;
}
export const UploadFiles = new RequestType<UploadParams, TransferResult, ErrorData>('file/upload');
export interface DownloadParams {
  root: FileRoot;
  paths: string[];
  /** A folder of this machine. */
  destination: string;
  overwrite: boolean;
  progress?: string;
}
export const DownloadFiles = new RequestType<DownloadParams, TransferResult, ErrorData>('file/download');

/** Replaces what this client watches: folders that are open and files in editors. Empty: nothing is watched. */
export const WatchFiles = new RequestType<{ watched: (FileReference & { recursive?: boolean })[] }, null, ErrorData>(
  'file/watch',
);
export interface FileEvent extends FileReference {
  type: 'created' | 'changed' | 'deleted';
}
export const FilesChanged = new NotificationType<{ events: FileEvent[] }>('file/changed');

// ---- what a container changed against what it was made from ------------------------------------------------------
export interface Change {
  path: string;
  /** `renamed` only where it can be told for certain. */
  kind: 'added' | 'modified' | 'deleted' | 'renamed';
  entry: FileKind;
  /** Of `modified`. */
  what?: ('content' | 'mode' | 'owner' | 'capabilities' | 'xattrs' | 'type' | 'target')[];
  /** Of `renamed`. */
  from?: string;
  sizeBytes: number;
}
export interface ChangeList {
  /** By path. A folder that was added or deleted is one change, with what is in it counted. */
  changes: Change[];
  /** More than this many are not listed: then this is set. */
  truncated?: boolean;
}
/** Running or stopped. What is mounted into the container is not its own and not compared. */
export const ListChanges = new RequestType<{ container: string }, ChangeList, ErrorData>('change/list');
/** Makes paths what they were. @throws NotFound, WrongState */
export const RevertChanges = new RequestType<{ container: string; paths: string[] }, null, ErrorData>('change/revert');
/** The container whose changes this client shows; undefined: none. */
export const WatchChanges = new RequestType<{ container?: string }, null, ErrorData>('change/watch');
export const ChangesChanged = new NotificationType<{ container: string }>('change/changed');

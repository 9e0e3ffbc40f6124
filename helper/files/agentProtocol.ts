/** What the helper asks of the agent about files: the requests of helper/protocol/files.ts, with a view for the root. */
import { ProgressType, RequestType } from 'vscode-jsonrpc';
import type { AgentRequest } from '../agent/router.js';
import type * as protocol from '../protocol/files.js';
import type { RootView } from './view.js';

/** Params of a request of the protocol, for a root that is mounted. */
export type InView<P> = Omit<P, 'root' | 'progress'> & { view: RootView };

function request<P, R>(method: string): AgentRequest<InView<P>, R> {
  return new RequestType(method);
}

export const ListFiles = request<protocol.FileReference, protocol.FolderContent>('file/list');
export const StatFile = request<protocol.FileReference & { follow?: boolean }, protocol.FileEntry>('file/stat');
export const ReadFile = request<protocol.ReadFileParams, { data: string; size: number }>('file/read');
export const WriteFile = request<protocol.WriteFileParams, protocol.FileEntry>('file/write');
export const CreateFolder = request<protocol.FileReference, protocol.FileEntry>('file/createFolder');
export const CreateLink = request<protocol.FileReference & { target: string }, protocol.FileEntry>('file/createLink');
export const MoveFile = request<protocol.MoveParams, null>('file/move');
export const CopyFile = request<protocol.MoveParams, null>('file/copy');
export const DeleteFile = request<protocol.FileReference & { recursive: boolean }, null>('file/delete');
export const ChangeMode = request<protocol.FileReference & { mode: number; recursive?: boolean }, null>(
  'file/changeMode',
);
export const ChangeOwner = request<protocol.FileReference & { owner: string; recursive?: boolean }, null>(
  'file/changeOwner',
);
export const SetFileCapabilities = request<protocol.FileReference & { capabilities: string }, protocol.FileEntry>(
  'file/setCapabilities',
);
export const UploadFiles = request<protocol.UploadParams, protocol.TransferResult>('file/upload');
export const DownloadFiles = request<protocol.DownloadParams, protocol.TransferResult>('file/download');

export interface WatchedPath {
  path: string;
  recursive?: boolean;
}
/** Runs until it is cancelled. */
export const WatchPaths: AgentRequest<{ view: RootView; paths: WatchedPath[] }, null> = new RequestType('file/watch');
/** Changes since the last report. The router passes on what changes the phase: each has another. */
export interface WatchReport {
  phase: string;
  events: Pick<protocol.FileEvent, 'path' | 'type'>[];
}
export const WatchReportType = new ProgressType<WatchReport>();

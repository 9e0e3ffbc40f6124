import type { AgentRequest, AgentRouter, Handling } from '../agent/router.js';
import type { FileEntry } from '../protocol/files.js';
import { TransferProgressType } from '../protocol/files.js';
import * as protocol from './agentProtocol.js';
import { changeMode, changeOwner, copyFile, createFolder, createLink, deleteFile, moveFile } from './changing.js';
import { readContent, writeContent } from './content.js';
import { describeFile, listFolder, readOwners } from './entries.js';
import { fileFailure } from './failure.js';
import { setCapabilities } from './fileCapabilities.js';
import { type OpenRoot, withOpenRoot } from './openRoot.js';
import { download, upload } from './transfer.js';
import type { RootView } from './view.js';
import { watchPaths } from './watch.js';

/** The agent's side of files: everything that touches one. */
export function serveFiles(router: AgentRouter): void {
  /** @param what for messages: `Cannot ${what} PATH`. */
  const on = <P extends { view: RootView }, R>(
    type: AgentRequest<P, R>,
    what: string,
    pathOf: (params: P) => string,
    work: (root: OpenRoot, params: P, handling: Handling<never>) => R | Promise<R>,
  ) =>
    router.on(type, async (params: P, handling: Handling<never>) => {
      try {
        return await withOpenRoot(params.view, (root) => work(root, params, handling));
      } catch (error) {
        throw fileFailure(error, what, pathOf(params), params.view.readOnly);
      }
    });
  const own = ({ path }: { path: string }) => path;
  const entry = async (root: OpenRoot, path: string, follow = false): Promise<FileEntry> =>
    describeFile(root, path, follow, await readOwners(root));

  on(protocol.ListFiles, 'list', own, async (root, { path }) => listFolder(root, path, await readOwners(root)));
  on(protocol.StatFile, 'find', own, (root, { path, follow }) => entry(root, path, follow));
  on(protocol.ReadFile, 'read', own, (root, params) => {
    const { data, size } = readContent(root, params);
    return { data: data.toString('base64'), size };
  });
  on(protocol.WriteFile, 'write', own, (root, params) => {
    writeContent(root, params);
    return entry(root, params.path, true);
  });
  on(protocol.CreateFolder, 'make', own, (root, { path }) => {
    createFolder(root, path);
    return entry(root, path);
  });
  on(protocol.CreateLink, 'make', own, (root, { path, target }) => {
    createLink(root, path, target);
    return entry(root, path);
  });
  on(
    protocol.MoveFile,
    'move',
    ({ from }) => from,
    (root, params, { signal }) => nothing(moveFile(root, params, signal)),
  );
  on(
    protocol.CopyFile,
    'copy',
    ({ from }) => from,
    (root, params, { signal }) => nothing(copyFile(root, params, signal)),
  );
  on(protocol.DeleteFile, 'delete', own, (root, { path, recursive }) => nothing(deleteFile(root, path, recursive)));
  on(protocol.ChangeMode, 'change the mode of', own, (root, { path, mode, recursive = false }, { signal }) =>
    nothing(changeMode(root, { path, mode, recursive }, signal)),
  );
  on(protocol.ChangeOwner, 'change the owner of', own, async (root, { path, owner, recursive = false }, { signal }) =>
    nothing(changeOwner(root, { path, owner, recursive }, await readOwners(root), signal)),
  );
  on(protocol.SetFileCapabilities, 'set the capabilities of', own, (root, { path, capabilities }) => {
    setCapabilities(root, path, capabilities);
    return entry(root, path, true);
  });
  router.on(
    protocol.UploadFiles,
    (params, { signal, report }) => withOpenRoot(params.view, (root) => upload(root, params, signal, report)),
    TransferProgressType,
  );
  router.on(
    protocol.DownloadFiles,
    (params, { signal, report }) => withOpenRoot(params.view, (root) => download(root, params, signal, report)),
    TransferProgressType,
  );
  router.on(
    protocol.WatchPaths,
    (params, { signal, report }) => nothing(watchPaths(params.view, params.paths, signal, report)),
    protocol.WatchReportType,
  );
}

async function nothing(work: Promise<void>): Promise<null> {
  await work;
  return null;
}

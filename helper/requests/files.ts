import type { CancellationToken, Connection, RequestType } from 'vscode-languageserver/node';
import type { AgentRequest } from '../agent/router.js';
import type { Machine } from '../container/machine.js';
import * as agent from '../files/agentProtocol.js';
import { FileAgents } from '../files/agents.js';
import { closeRootViews, withRootView } from '../files/view.js';
import { FileWatches } from '../files/watches.js';
import { isCancelled } from '../image/failure.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** What takes longer waits for somebody else: a file system that a program inside serves, or a disk that is gone. */
const patienceMilliseconds = 8000;

/** What changes with the containers, and goes with the connection. */
export interface ServedFiles {
  follow(containers: readonly protocol.ContainerSummary[]): void;
  dispose(): Promise<void>;
}

/** Requests about files of roots. Whatever touches one is done by agents: they may be made to wait, this helper may not. */
export function routeFiles(router: Router, machine: Machine, connection: Connection): ServedFiles {
  const quick = new FileAgents(machine.agent.another());
  // Others do not wait for a large copy, nor does it end when a folder does not answer.
  const slow = new FileAgents(machine.agent.another());

  const closing = new AbortController();
  const underWay = new Set<Promise<unknown>>();
  const forward = <P extends { root: protocol.FileRoot; progress?: string }, R>(
    type: RequestType<P, R, protocol.ErrorData>,
    agentType: AgentRequest<agent.InView<P>, R>,
    isSlow: (params: P) => boolean = () => false,
  ) =>
    router.on(type, (params, token) => {
      const [agents, patience] = isSlow(params) ? [slow, undefined] : [quick, patienceMilliseconds];
      const asking = ask(machine, agents, agentType, params, { token, patience, connection, closing: closing.signal });
      underWay.add(asking);
      return asking.finally(() => underWay.delete(asking));
    });

  forward(protocol.ListFiles, agent.ListFiles);
  forward(protocol.StatFile, agent.StatFile);
  forward(protocol.ReadFile, agent.ReadFile);
  forward(protocol.WriteFile, agent.WriteFile);
  forward(protocol.CreateFolder, agent.CreateFolder);
  forward(protocol.CreateLink, agent.CreateLink);
  forward(protocol.MoveFile, agent.MoveFile, () => true);
  forward(protocol.CopyFile, agent.CopyFile, () => true);
  forward(protocol.DeleteFile, agent.DeleteFile, ({ recursive }) => recursive);
  forward(protocol.ChangeMode, agent.ChangeMode, ({ recursive }) => recursive === true);
  forward(protocol.ChangeOwner, agent.ChangeOwner, ({ recursive }) => recursive === true);
  forward(protocol.SetFileCapabilities, agent.SetFileCapabilities);
  forward(protocol.UploadFiles, agent.UploadFiles, () => true);
  forward(protocol.DownloadFiles, agent.DownloadFiles, () => true);

  const watches = new FileWatches(machine, quick, (events) => {
    void connection.sendNotification(protocol.FilesChanged, { events });
  });
  router.on(protocol.WatchFiles, ({ watched }) => {
    watches.replace(watched);
    return null;
  });
  return {
    follow: (containers) => watches.follow(containers),
    dispose: async () => {
      watches.dispose();
      // What is being copied is given up, and removed, before its agent is ended.
      closing.abort();
      await Promise.allSettled(underWay);
      await Promise.all([quick.dispose(), slow.dispose()]);
      await closeRootViews(machine);
    },
  };
}

interface Asking {
  token: CancellationToken;
  patience: number | undefined;
  connection: Connection;
  closing: AbortSignal;
}

async function ask<P extends { root: protocol.FileRoot; progress?: string }, R>(
  machine: Machine,
  agents: FileAgents,
  type: AgentRequest<agent.InView<P>, R>,
  { root, progress, ...params }: P,
  { token, patience, connection, closing }: Asking,
): Promise<R> {
  const cancel = new AbortController();
  const listener = token.onCancellationRequested(() => cancel.abort());
  try {
    return await withRootView(machine, root, async (view, ending) => {
      const late = patience === undefined ? undefined : AbortSignal.timeout(patience);
      const signal = AbortSignal.any([cancel.signal, closing, ending, ...(late === undefined ? [] : [late])]);
      try {
        return await agents.of(view).request(type, { ...params, view } as unknown as agent.InView<P>, {
          signal,
          ...(progress === undefined ? {} : { progress: reportTo(connection, progress) }),
        });
      } catch (error) {
        if (!isCancelled(error) || cancel.signal.aborted || closing.aborted) throw error;
        throw late?.aborted === true ? unanswered(root) : endedMeanwhile(root);
      }
    });
  } finally {
    listener.dispose();
  }
}

function reportTo(connection: Connection, token: string) {
  return {
    type: protocol.TransferProgressType,
    listener: (state: protocol.TransferProgress) =>
      void connection.sendProgress(protocol.TransferProgressType, token, state),
  };
}

function nameOf(root: protocol.FileRoot): string {
  return root.kind === 'image' ? root.name : root.container;
}

function unanswered(root: protocol.FileRoot): Error {
  return protocol.terrariumError(protocol.ErrorCode.Unavailable, `Files of ${nameOf(root)} did not answer in time`, {
    errno: 'ETIMEDOUT',
    cause:
      'They are on a file system that a program serves (FUSE, a network), and it does not answer, or the disk is slow.',
    fix: 'Look at what is mounted in the container, and end the program that serves it.',
  });
}

function endedMeanwhile(root: protocol.FileRoot): Error {
  return protocol.terrariumError(protocol.ErrorCode.WrongState, `${nameOf(root)} was started or removed meanwhile`, {
    fix: 'Try again.',
  });
}

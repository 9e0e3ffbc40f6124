import { realPath } from '../container/mountSources.js';
import { CLONE_NEWNS, MS_PRIVATE, MS_REC } from '../plan/constants.js';
import type { Step } from '../plan/step.js';
import { attempt } from './attempt.js';
import { type Examination, type Finding, refused, type Trial, works } from './finding.js';
import { trialRules } from './trialRules.js';

/** mount_setattr(2) with MOUNT_ATTR_IDMAP, of what is held, else of a tmpfs of our own. */
const mapIdsOfMount: Step = { kind: 'trial', name: 'idmappedMount' };

/**
 * The kernel asks for CAP_SYS_ADMIN in the user namespace that owns the file system: of a tmpfs mounted here that is ours, of
 * what the machine has mounted it is the machine's, whoever asks from inside of another.
 */
async function idmappedLine({ bench, facts }: Examination): Promise<Finding> {
  const folderOfMachine = realPath(bench.folder);
  const held: Step = {
    kind: 'cloneMount',
    source: folderOfMachine,
    recursive: 1,
    attributes: 0,
    propagation: MS_REC | MS_PRIVATE,
  };
  const [own, folder] = await Promise.all([
    attempt(bench, { flags: CLONE_NEWNS, steps: () => [mapIdsOfMount] }),
    attempt(bench, { flags: CLONE_NEWNS, steps: () => [held, mapIdsOfMount] }),
  ]);
  const what = 'a tmpfs whose ids are mapped by another user namespace';
  if (own !== undefined) return refused(own, what, facts, trialRules['idmapped-mount']);
  const say = folder === undefined ? 'works too' : `${folder.syscall || folder.step} answers ${folder.errno}`;
  return works(`Made ${what}. Of ${folderOfMachine}: ${say}; containers bind folders with the owners that they have.`);
}

/** Lines about mounts that take more than one plan. */
export const mountTrials: readonly Trial[] = [{ id: 'idmapped-mount', inside: true, run: idmappedLine }];

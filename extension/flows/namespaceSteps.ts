import { isDeepStrictEqual } from 'node:util';
import { l10n } from 'vscode';
import type { ContainerSummary, NamespaceChoices, NamespaceReport } from '../../helper/protocol/index.js';
import { pidProblem } from '../namespaces/processPicks.js';
import { manyStep, mapResult, pickStep, type StepPosition, type StepResult, textStep } from './multiStep.js';
import {
  type Change,
  type ChoosableType,
  changeChoices,
  isChoosable,
  type NamespaceAnswers,
  offsetProblem,
  typeName,
  whoseChoices,
} from './namespacePicks.js';

/** What there is to join. */
export interface JoinableNamespaces {
  containers: readonly ContainerSummary[];
  report(): Promise<NamespaceReport>;
}

/** Which namespaces are not to be as usual, then for each whose it is to be. Enter without a tick leaves all as usual. */
export async function namespaceStep(
  position: StepPosition,
  current: NamespaceAnswers,
  joinable: JoinableNamespaces,
): Promise<StepResult<NamespaceAnswers>> {
  for (;;) {
    const changes = await manyStep(
      position,
      l10n.t('Which namespaces are not to be as usual? None is fine.'),
      changeChoices(current.namespaces ?? {}),
      (change) => isChanged(current, change),
    );
    if (changes.kind !== 'answer') return changes;
    const answered = await answersTo(position, changes.value, current, joinable);
    // Back from one of them leads to the list.
    if (answered.kind !== 'back') return answered;
  }
}

function isChanged({ namespaces = {}, timeOffsets, chroot }: NamespaceAnswers, change: Change): boolean {
  if (change === 'clocks') return timeOffsets !== undefined;
  return change === 'chroot' ? chroot === true : namespaces[change] !== undefined;
}

async function answersTo(
  position: StepPosition,
  changes: readonly Change[],
  current: NamespaceAnswers,
  joinable: JoinableNamespaces,
): Promise<StepResult<NamespaceAnswers>> {
  const types = changes.filter(isChoosable);
  const report = types.length === 0 ? undefined : await joinable.report();
  let namespaces: NamespaceChoices = {};
  for (const type of types) {
    if (report === undefined) break;
    const result = await typeStep(position, type, current.namespaces ?? {}, { ...joinable, report });
    if (result.kind !== 'answer') return result;
    namespaces = { ...namespaces, ...result.value };
  }
  const answers: NamespaceAnswers = {
    ...(types.length === 0 ? {} : { namespaces }),
    ...(changes.includes('chroot') ? { chroot: true } : {}),
  };
  if (!changes.includes('clocks')) return { kind: 'answer', value: answers };
  const clocks = await textStep(
    withBack(position),
    l10n.t('How many seconds its clocks since boot are ahead of this machine’s.'),
    {
      value: String(current.timeOffsets?.boottime?.secs ?? 86_400),
      problem: offsetProblem,
    },
  );
  return mapResult(clocks, (text) => {
    const offset = { secs: Number(text), nanosecs: 0 };
    return { ...answers, timeOffsets: { boottime: offset, monotonic: offset } };
  });
}

async function typeStep(
  position: StepPosition,
  type: ChoosableType,
  chosen: NamespaceChoices,
  { containers, report }: { containers: readonly ContainerSummary[]; report: NamespaceReport },
): Promise<StepResult<NamespaceChoices>> {
  const result = await pickStep(
    withBack(position),
    l10n.t('{0}: whose namespace?', typeName(type)),
    whoseChoices(type, containers, report),
    (choice) => isDeepStrictEqual(choice, chosen[type] ?? 'host'),
  );
  if (result.kind !== 'answer') return result;
  const { value } = result;
  if (value !== 'process') return { kind: 'answer', value: { [type]: value } };
  const pid = await textStep(withBack(position), l10n.t('The pid of a process of yours.'), { problem: pidProblem });
  return mapResult(pid, (text) => ({ [type]: { process: Number(text) } }));
}

/** A question within a step always has a way back to that step. */
function withBack(position: StepPosition): StepPosition {
  return { ...position, step: Math.max(position.step, 2) };
}

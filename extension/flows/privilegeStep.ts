import { isDeepStrictEqual } from 'node:util';
import { l10n, window, workspace } from 'vscode';
import { manyStep, mapResult, pickStep, type StepPosition, type StepResult } from './multiStep.js';
import {
  capabilityChange,
  capabilityChoices,
  type FilterChoice,
  filterChoices,
  type Privileges,
  privilegeChoices,
  seccompOf,
  tickedCapabilities,
} from './privilegeChoices.js';

/** So many profiles of the workspace are offered. */
const mostFiles = 20;

/** Asks what a container may do: the default, or each capability and the filter. Back leads one question back. */
export async function privilegeStep(position: StepPosition, current: Privileges): Promise<StepResult<Privileges>> {
  for (;;) {
    const how = await pickStep(
      position,
      l10n.t('What may its programs do?'),
      privilegeChoices(current),
      (choice) => (choice === 'choose') === Object.keys(current).length > 0,
    );
    if (how.kind !== 'answer') return how;
    if (how.value === 'default') return { kind: 'answer', value: {} };
    const chosen = await choose(position, current);
    if (chosen.kind !== 'back') return chosen;
  }
}

async function choose(position: StepPosition, current: Privileges): Promise<StepResult<Privileges>> {
  let ticked = tickedCapabilities(current);
  for (;;) {
    const picked = await manyStep(
      position,
      l10n.t('Which capabilities does its root have?'),
      capabilityChoices(),
      (name) => ticked.includes(name),
    );
    if (picked.kind !== 'answer') return picked;
    ticked = picked.value;
    const filter = await filterStep(position, current.seccomp);
    if (filter.kind === 'back') continue;
    const capabilities = capabilityChange(ticked);
    return mapResult(filter, (seccomp) => ({
      ...(capabilities === undefined ? {} : { capabilities }),
      ...(seccomp === undefined ? {} : { seccomp }),
    }));
  }
}

async function filterStep(
  position: StepPosition,
  current: Privileges['seccomp'],
): Promise<StepResult<Privileges['seccomp']>> {
  // What lies in a workspace that is not trusted is not offered.
  const files = workspace.isTrusted ? await workspace.findFiles('**/*.seccomp.json', undefined, mostFiles) : [];
  const items = filterChoices(files.filter(({ scheme }) => scheme === 'file').map(({ fsPath }) => fsPath));
  const isCurrent = (choice: FilterChoice) => choice !== 'file' && isDeepStrictEqual(seccompOf(choice), current);
  const picked = await pickStep(position, l10n.t('Which system calls may they make?'), items, isCurrent);
  if (picked.kind !== 'answer') return picked;
  if (picked.value !== 'file') return { kind: 'answer', value: seccompOf(picked.value) };
  const [file] =
    (await window.showOpenDialog({
      title: l10n.t('A Seccomp Profile'),
      filters: { [l10n.t('Profiles')]: ['json'] },
      canSelectMany: false,
    })) ?? [];
  return file === undefined ? { kind: 'cancelled' } : { kind: 'answer', value: seccompOf({ profile: file.fsPath }) };
}

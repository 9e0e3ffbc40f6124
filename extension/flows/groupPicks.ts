import type { GroupSummary } from '../../helper/protocol/index.js';
import { iconSafeText } from '../text/untrusted.js';
import type { ChoiceItem } from './rootChoices.js';

export interface GroupPick {
  group: string;
  label: string;
  description: string;
}

/** Groups to choose from, those that run first. */
export function groupPicks(groups: readonly GroupSummary[]): GroupPick[] {
  return [...groups]
    .sort((a, b) => Number(b.live) - Number(a.live) || a.name.localeCompare(b.name))
    .map(({ name, containers, live }) => ({
      group: name,
      label: `$(layers) ${iconSafeText(name, 64)}`,
      description: `${containers.length === 1 ? '1 container' : `${containers.length} containers`}, ${live ? 'running' : 'not running'}`,
    }));
}

/** The answer to the question for a group: none, one by name, or a new one that is asked for. */
export type GroupChoice = { kind: 'none' } | { kind: 'group'; name: string } | { kind: 'new' };

/** What a new container's group may be; none is the default. */
export function groupChoices(groups: readonly GroupSummary[]): ChoiceItem<GroupChoice>[] {
  return [
    { choice: { kind: 'none' }, label: '$(dash) None', description: 'it has only limits of its own' },
    ...(groups.length > 0 ? [{ label: 'Limits Together with Others' }] : []),
    ...groupPicks(groups).map(({ group, label, description }) => ({
      choice: { kind: 'group', name: group } as const,
      label,
      description,
    })),
    {
      choice: { kind: 'new' },
      label: '$(add) New Group…',
      description: 'containers in it can have limits for all of them together',
    },
  ];
}

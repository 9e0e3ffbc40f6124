import type {
  ContainerSpecification,
  ContainerSummary,
  NamespaceChoice,
  NamespaceChoices,
  NamespaceReport,
  oci,
} from '../../helper/protocol/index.js';
import { namespaceLooks } from '../namespaces/namespaceText.js';
import { iconSafeText } from '../text/untrusted.js';
import type { ChoiceItem } from './rootChoices.js';

/** What is answered about namespaces. */
export type NamespaceAnswers = Pick<ContainerSpecification, 'namespaces' | 'timeOffsets' | 'chroot'>;

/** Types that are chosen here: the network has a question of its own, and nothing can be done without the other two being new. */
export const choosableTypes = ['uts', 'ipc', 'pid', 'user', 'cgroup', 'time'] as const;
export type ChoosableType = (typeof choosableTypes)[number];

export const isChoosable = (change: Change): change is ChoosableType => choosableTypes.some((type) => type === change);

/** What there is to be other than by default: a namespace of some type, clocks that are ahead, or nearly all. Pure. */
export type Change = ChoosableType | 'clocks' | 'chroot';

/** Each type with what it isolates, and what it is now when that was chosen before. Pure. */
export function changeChoices(chosen: NamespaceChoices): ChoiceItem<Change>[] {
  return [
    ...choosableTypes.map((choice) => {
      const { label, icon, tooltip } = namespaceLooks[choice];
      const current = chosen[choice];
      return {
        choice,
        label: `$(${icon}) ${label}`,
        description: current === undefined ? (choice === 'time' ? 'this machine’s' : 'new') : choiceText(current),
        detail: tooltip,
      };
    }),
    {
      choice: 'clocks',
      label: '$(history) Clocks Ahead or Behind',
      description: 'a new time namespace',
      detail: 'How long the machine seems to be up, from inside',
    },
    { label: 'To Compare' },
    {
      choice: 'chroot',
      label: '$(unlock) chroot Alone',
      description: 'weak on purpose',
      detail: 'Another root, and otherwise the namespaces of this machine: processes of yours can be seen and killed',
    },
  ];
}

/** Whose namespace of a type: what is asked for each that was ticked. `process`: a pid is still to be typed. Pure. */
export type WhoseChoice = NamespaceChoice | 'process';

/** What can be chosen for a type: not what is refused at once, and of processes those that have another one. Pure. */
export function whoseChoices(
  type: ChoosableType,
  containers: readonly ContainerSummary[],
  { namespaces, processes }: Pick<NamespaceReport, 'namespaces' | 'processes'>,
): ChoiceItem<WhoseChoice>[] {
  const host = namespaces.find((namespace) => namespace.host && namespace.type === type)?.inode;
  const running = containers.filter(({ state }) => state === 'running' || state === 'paused');
  return [
    { choice: 'new', label: '$(lock) A New One', description: 'its own' },
    ...(type === 'user'
      ? []
      : [{ choice: 'host' as const, label: "$(unlock) This Machine's", description: 'shared, not isolated' }]),
    ...(running.length > 0 ? [{ label: 'Of a Running Container' }] : []),
    ...running.map(({ id, name }) => ({
      choice: { container: id },
      label: `$(vm-running) ${iconSafeText(name, 64)}`,
    })),
    { label: 'Of a Process' },
    { choice: 'process', label: '$(edit) Another Process…', description: 'by its pid' },
    ...processes
      .filter((process) => process.container === undefined && process.namespaces[type] !== host)
      .map(({ identity, user, command }) => ({
        choice: { process: identity.pid },
        label: `$(gear) ${identity.pid} ${iconSafeText(command, 100)}`,
        description: iconSafeText(user, 40),
      })),
  ];
}

/** In a few words, with names made harmless. Pure. */
export function choiceText(choice: NamespaceChoice): string {
  if (choice === 'new') return 'new';
  if (choice === 'host') return 'this machine’s';
  return 'container' in choice ? `of ${iconSafeText(choice.container, 64)}` : `of process ${choice.process}`;
}

/** The title of the question whose namespace of a type it is to be. */
export function typeName(type: oci.NamespaceType): string {
  return namespaceLooks[type].label;
}

/** What is wrong with an offset as it is typed, in a sentence, or nothing. */
export function offsetProblem(text: string): string | undefined {
  return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? undefined : 'Whole seconds, such as 86400 or -3600.';
}

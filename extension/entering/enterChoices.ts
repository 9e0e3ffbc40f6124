import {
  capabilities,
  type ExecSpecification,
  type ImageSummary,
  type oci,
  type RootSource,
} from '../../helper/protocol/index.js';
import type { ChoiceItem } from '../flows/rootChoices.js';
import { namespaceTypes } from '../namespaces/nodes.js';
import { commandLine } from '../text/commandLine.js';
import { iconSafeText } from '../text/untrusted.js';

/** What a person answers on the way into a process. */
export interface EnterAnswers {
  namespaces: readonly oci.NamespaceType[];
  user: string;
  /** Undefined: as the processes there. */
  capabilities: readonly string[] | undefined;
  folder: string;
  tools: RootSource | undefined;
  command: string;
}

export const enterDefaults: EnterAnswers = {
  namespaces: namespaceTypes,
  user: '',
  capabilities: undefined,
  folder: '',
  tools: undefined,
  command: '',
};

const types: Readonly<Record<oci.NamespaceType, { label: string; description: string }>> = {
  mount: { label: 'Mount', description: 'its file systems; without it those of this machine' },
  uts: { label: 'UTS', description: 'its host name' },
  ipc: { label: 'IPC', description: 'its shared memory and message queues' },
  network: { label: 'Network', description: 'its interfaces and ports' },
  pid: { label: 'PID', description: 'its numbers of processes' },
  user: { label: 'User', description: 'its users; needed for nearly all others' },
  cgroup: { label: 'Cgroup', description: 'its view of control groups' },
  time: { label: 'Time', description: 'its clocks' },
};

export function namespaceChoices(): ChoiceItem<oci.NamespaceType>[] {
  return namespaceTypes.map((type) => ({ choice: type, ...types[type] }));
}

export type CapabilityChoice = 'same' | 'none' | 'all' | 'choose';

export function capabilityChoices(): ChoiceItem<CapabilityChoice>[] {
  return [
    { choice: 'same', label: 'As the Processes There', description: 'what a new process of theirs would have' },
    { choice: 'none', label: 'None' },
    { choice: 'all', label: 'All', description: 'over what belongs to its user namespace' },
    { choice: 'choose', label: 'Choose…' },
  ];
}

export function singleCapabilities(): ChoiceItem<string>[] {
  return capabilities.map(({ name, allows }) => ({ choice: name, label: name, description: allows }));
}

export type ToolsChoice = { kind: 'none' } | { kind: 'root'; root: RootSource };

/** Whose programs are used: for what has no shell of its own. */
export function toolsChoices(images: readonly ImageSummary[]): ChoiceItem<ToolsChoice>[] {
  return [
    { choice: { kind: 'none' }, label: '$(circle-slash) Its Own Programs' },
    {
      choice: { kind: 'root', root: { kind: 'host' } },
      label: '$(device-desktop) This Machine’s Programs',
      description: 'read-only, as /; what is entered is at /target',
    },
    ...images.map(
      ({ name }): ChoiceItem<ToolsChoice> => ({
        choice: { kind: 'root', root: { kind: 'image', name } },
        label: `$(package) ${iconSafeText(name, 100)}`,
        description: 'as /; what is entered is at /target',
      }),
    ),
  ];
}

/** What is asked of the helper. All namespaces are none in particular. Pure. */
export function enterSpecification(answers: EnterAnswers): ExecSpecification {
  const { namespaces, user, folder, tools } = answers;
  const isAll = namespaceTypes.every((type) => namespaces.includes(type));
  return {
    args: commandLine(answers.command),
    terminal: true,
    ...(isAll ? {} : { namespaces: [...namespaces] }),
    ...(user.trim() === '' ? {} : { user: user.trim() }),
    ...(answers.capabilities === undefined ? {} : { capabilities: [...answers.capabilities] }),
    ...(folder.trim() === '' ? {} : { cwd: folder.trim() }),
    ...(tools === undefined ? {} : { tools: { root: tools } }),
  };
}

/** What is wrong with a folder as it is typed, or nothing. */
export function folderProblem(text: string): string | undefined {
  return text.trim() === '' || text.trim().startsWith('/') ? undefined : 'A folder begins with a slash.';
}

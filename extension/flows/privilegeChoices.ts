import {
  type CapabilityName,
  type ContainerSpecification,
  capabilities,
  defaultCapabilities,
} from '../../helper/protocol/index.js';
import { iconSafeText } from '../text/untrusted.js';
import type { ChoiceItem } from './rootChoices.js';

/** What a container may do, as far as it was asked for. */
export type Privileges = Pick<ContainerSpecification, 'capabilities' | 'seccomp'>;

/** What is refused without a capability of the default set, to root inside too. */
const without: Readonly<Partial<Record<CapabilityName, string>>> = {
  CAP_CHOWN: 'chown is refused to root inside',
  CAP_DAC_OVERRIDE: 'permission bits count for root inside, too',
  CAP_FOWNER: 'chmod of other users’ files is refused to root inside',
  CAP_FSETID: 'a file that is written loses its setuid and setgid bits',
  CAP_KILL: 'kill of other users’ processes is refused to root inside',
  CAP_SETGID: 'changing groups is refused: su and many servers fail',
  CAP_SETUID: 'changing users is refused: su and many servers fail',
  CAP_SETPCAP: 'programs cannot drop capabilities for good',
  CAP_NET_BIND_SERVICE: 'listening on ports below 1024 is refused',
  CAP_SYS_CHROOT: 'chroot is refused',
  CAP_SETFCAP: 'setcap is refused',
};

/** The first question: all is as it is for every container, or chosen one by one. */
export function privilegeChoices(current: Privileges): ChoiceItem<'default' | 'choose'>[] {
  const isChosen = current.capabilities !== undefined || current.seccomp !== undefined;
  return [
    {
      choice: 'default',
      label: '$(shield) The Default',
      description: `${defaultCapabilities.length} capabilities, the default system call filter`,
      detail: 'Enough to install and run services, nothing that reaches beyond',
    },
    {
      choice: 'choose',
      label: '$(settings) Choose…',
      description: isChosen ? privilegesText(current) : 'capabilities and system call filter',
    },
  ];
}

/** Every capability, those of the default set first: ticked, a container's root has it. */
export function capabilityChoices(): ChoiceItem<CapabilityName>[] {
  const isDefault = (name: CapabilityName) => defaultCapabilities.includes(name);
  const item = ({ name, allows }: (typeof capabilities)[number]): ChoiceItem<CapabilityName> => ({
    choice: name,
    label: name,
    description: allows,
    ...(without[name] === undefined ? {} : { detail: `Without it: ${without[name]}` }),
  });
  return [
    { label: 'Of the default set' },
    ...capabilities.filter(({ name }) => isDefault(name)).map(item),
    { label: 'Beyond it' },
    ...capabilities.filter(({ name }) => !isDefault(name)).map(item),
  ];
}

/** The set that is ticked at first. */
export function tickedCapabilities({ capabilities: change }: Privileges): CapabilityName[] {
  const { add = [], drop = [] } = change ?? {};
  return capabilities
    .map(({ name }) => name)
    .filter((name) => (defaultCapabilities.includes(name) ? !drop.includes(name) : add.includes(name)));
}

/** What differs from the default set; undefined: nothing does. */
export function capabilityChange(ticked: readonly CapabilityName[]): ContainerSpecification['capabilities'] {
  const add = ticked.filter((name) => !defaultCapabilities.includes(name));
  const drop = defaultCapabilities.filter((name) => !ticked.includes(name));
  if (add.length === 0 && drop.length === 0) return undefined;
  return { ...(add.length === 0 ? {} : { add }), ...(drop.length === 0 ? {} : { drop }) };
}

/** How system calls are filtered. `file`: one that is still to be chosen. */
export type FilterChoice = 'default' | 'notify' | 'unconfined' | 'file' | { profile: string };

/** @param files paths of profiles in the workspace */
export function filterChoices(files: readonly string[]): ChoiceItem<FilterChoice>[] {
  return [
    {
      choice: 'default',
      label: '$(shield) The Default Filter',
      description: 'what reaches beyond the container is refused',
    },
    {
      choice: 'notify',
      label: '$(eye) The Default Filter, and Count What It Refuses',
      description: 'shown in the tree by program, to be allowed for the next start',
    },
    ...(files.length === 0 ? [] : [{ label: 'Profiles in the Workspace' }]),
    ...files.map((profile) => ({
      choice: { profile },
      label: `$(file) ${iconSafeText(profile.split('/').at(-1) ?? profile, 64)}`,
      description: iconSafeText(profile, 160),
    })),
    { label: 'Others' },
    { choice: 'file', label: '$(folder-opened) A File…', description: 'a profile in OCI’s or Docker’s format' },
    {
      choice: 'unconfined',
      label: '$(warning) None',
      description: 'the whole of the kernel’s interface is open to attack',
    },
  ];
}

/** In the words of a specification; undefined: the default. */
export function seccompOf(choice: Exclude<FilterChoice, 'file'>): ContainerSpecification['seccomp'] {
  if (choice === 'default') return undefined;
  if (choice === 'notify') return { notify: true };
  return choice === 'unconfined' ? choice : { profile: choice.profile, notify: true };
}

/** What was chosen, in a few words. */
export function privilegesText({ capabilities: change, seccomp }: Privileges): string {
  const { add = [], drop = [] } = change ?? {};
  const parts = [
    ...(drop.length === 0 ? [] : [`without ${drop.join(', ')}`]),
    ...(add.length === 0 ? [] : [`with ${add.join(', ')}`]),
    ...(seccomp === undefined ? [] : [seccomp === 'unconfined' ? 'no filter' : 'another filter']),
  ];
  return parts.length === 0 ? 'the default' : parts.join('; ');
}

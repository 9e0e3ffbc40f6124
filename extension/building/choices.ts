import type { BuildExtra, HostFolder, Program } from '../../helper/protocol/index.js';
import type { ChoiceItem } from '../flows/rootChoices.js';
import { iconSafeText } from '../text/untrusted.js';

/** Programs to build an image from: the first of each name along PATH by name, the others by path. */
export function programChoices(programs: readonly Program[]): ChoiceItem<string>[] {
  return programs
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map(({ name, path }) => ({ choice: path, label: iconSafeText(name, 60), description: iconSafeText(path, 200) }));
}

/** What programs often want beside their libraries. */
export const extraChoices: readonly ChoiceItem<BuildExtra>[] = [
  { choice: 'accounts', label: 'Accounts', description: 'passwd and group with root and nobody' },
  { choice: 'terminfo', label: 'Terminal Descriptions', description: 'for editors, pagers and colours' },
  {
    choice: 'certificates',
    label: 'Certificates',
    description: 'to trust servers on the internet as this machine does',
  },
  { choice: 'locale', label: 'Locale', description: 'this machine’s language and character set' },
];

/** Suites that the Debian and Ubuntu mirrors have; any other can be typed. */
export const suiteChoices: readonly ChoiceItem<string>[] = [
  { choice: 'bookworm', label: 'bookworm', description: 'Debian 12' },
  { choice: 'trixie', label: 'trixie', description: 'Debian 13' },
  { choice: 'sid', label: 'sid', description: 'Debian, unstable' },
  { choice: 'noble', label: 'noble', description: 'Ubuntu 24.04' },
  { choice: 'jammy', label: 'jammy', description: 'Ubuntu 22.04' },
];

/** Folders of this machine's `/` that a person may hide or show; ticked is what is seen. */
export function hostFolderChoices(folders: readonly HostFolder[]): ChoiceItem<HostFolder>[] {
  // What may never be shown is no choice.
  return folders
    .filter(({ locked }) => locked !== true)
    .map((folder) => ({
      choice: folder,
      label: iconSafeText(folder.path, 100),
      description: folder.view === 'hidden' ? 'hidden by default' : 'seen by default',
      detail: iconSafeText(folder.why, 200),
    }));
}

/** The choice of folders as the root's `hide` and `show`: only what differs from the default is named. */
export function hostRootOf(
  folders: readonly HostFolder[],
  seen: readonly HostFolder[],
): { hide?: string[]; show?: string[] } {
  const paths = new Set(seen.map(({ path }) => path));
  const hide = folders.filter(({ path, view }) => view !== 'hidden' && !paths.has(path)).map(({ path }) => path);
  const show = folders.filter(({ path, view }) => view === 'hidden' && paths.has(path)).map(({ path }) => path);
  return { ...(hide.length > 0 ? { hide } : {}), ...(show.length > 0 ? { show } : {}) };
}

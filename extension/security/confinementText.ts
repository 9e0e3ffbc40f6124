import type { InspectedRlimit, MountInfo, ProcessInspection } from '../../helper/protocol/index.js';
import type { PresentedGroup } from '../containers/sectionText.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** What the kernel holds a container to beside its privileges, a line each, with what it is made of below. */
export function presentConfinement({ process, mounts, linux, unreadable }: ProcessInspection): PresentedGroup[] {
  const { masked, readOnly } = hiddenPaths(mounts ?? []);
  const limited = process.rlimits.filter(({ soft, hard }) => soft !== 'unlimited' || hard !== 'unlimited');
  const settings = Object.entries(linux.sysctl ?? {});
  const settingsMissing = unreadable['linux.sysctl'];
  return [
    group('masked paths', 'lock', masked, masked.map(pathLine), 'Hidden: an empty file or folder is mounted over them'),
    group(
      'read-only paths',
      'lock-small',
      readOnly,
      readOnly.map(pathLine),
      'What the kernel has there can be read, not written',
    ),
    group(
      'resource limits',
      'dashboard',
      limited.map(({ type }) => shortLimit(type)),
      limited.map(limitLine),
      'setrlimit(2), of its first process',
    ),
    single('oom_score_adj', String(process.oomScoreAdj), 'Who is killed first when memory runs out: higher is sooner'),
    settingsMissing === undefined
      ? group(
          'sysctl',
          'settings',
          settings.map(([name]) => name),
          settings.map(settingLine),
          'Of its own namespaces, as they are now',
        )
      : single('sysctl', plainText(settingsMissing, 80), 'Kernel settings of its own namespaces'),
  ];
}

/**
 * What is mounted over with nothing, as the stage does it: /dev/null over a file, a tmpfs without room over a folder; and what of
 * procfs is mounted once more, read-only.
 */
export function hiddenPaths(mounts: readonly MountInfo[]): { masked: string[]; readOnly: string[] } {
  const empty = mounts.find(({ destination }) => destination === '/dev/null');
  const isMask = ({ root, device, type, destination, superOptions }: MountInfo) =>
    (root === empty?.root && device === empty.device && destination !== '/dev/null') ||
    (type === 'tmpfs' && superOptions.includes('nr_inodes=1'));
  const isReadOnly = ({ type, root, options }: MountInfo) => type === 'proc' && root !== '/' && options.includes('ro');
  const paths = (wanted: (mount: MountInfo) => boolean) =>
    [...new Set(mounts.filter(wanted).map(({ destination }) => destination))].sort();
  return { masked: paths(isMask), readOnly: paths(isReadOnly) };
}

function group(
  label: string,
  icon: string,
  names: readonly string[],
  below: Presentation[],
  meaning: string,
): PresentedGroup {
  const shown = names.map((name) => plainText(name, 80)).join(', ');
  const description = names.length === 0 ? 'none' : `${names.length} · ${shown}`;
  return {
    presentation: {
      label,
      description,
      tooltip: tooltipText([`${label}: ${meaning}`, ...names]),
      icon: { id: icon },
      contextValue: 'privilege',
      accessibleLabel: `${label}: ${names.length === 0 ? 'none' : shown}`,
    },
    below,
  };
}

function single(label: string, description: string, meaning: string): PresentedGroup {
  return { presentation: line(label, description, meaning), below: [] };
}

function line(label: string, description: string, tooltip?: string): Presentation {
  return {
    label: plainText(label, 120),
    description: plainText(description, 120),
    tooltip: tooltipText([`${label}: ${description}`, tooltip]),
    icon: { id: 'symbol-constant' },
    contextValue: 'privilege',
    accessibleLabel: plainText(`${label}: ${description}`),
  };
}

const shortLimit = (type: string): string => type.replace(/^RLIMIT_/, '').toLowerCase();

function limitLine({ type, soft, hard }: InspectedRlimit): Presentation {
  return line(type, soft === hard ? String(soft) : `${soft}, at most ${hard}`, 'soft limit, hard limit');
}

const settingLine = ([name, value]: [string, string]): Presentation => line(name, value);

function pathLine(path: string): Presentation {
  const label = plainText(path, 160);
  return { label, tooltip: label, icon: { id: 'file' }, contextValue: 'privilege', accessibleLabel: label };
}

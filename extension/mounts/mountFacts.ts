import type { MountInfo } from '../../helper/protocol/index.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** A line below a mount, and what copying it gives. */
export interface MountFact {
  key: string;
  presentation: Presentation;
  copy: string;
}

/** What is mounted, as findmnt(8) writes it: in brackets the folder of the file system, where it is not all of it. */
export function mountSource({ source, root }: MountInfo): string {
  return root === '/' ? source : `${source}[${root}]`;
}

/** What the kernel has a mount to be, a line for each field of mountinfo that says something. proc_pid_mountinfo(5) */
export function mountFacts(mount: MountInfo): MountFact[] {
  const facts: [key: string, title: string, value: string, meaning: string][] = [
    [
      'source',
      'Source',
      mountSource(mount),
      'What is mounted; in brackets the folder of that file system, where it is not all of it',
    ],
    ['options', 'Options', mount.options.join(','), 'Of this mount alone'],
    ['superOptions', 'File system options', mount.superOptions.join(','), 'Of the file system, wherever it is mounted'],
    ['propagation', 'Propagation', mount.propagation, propagationMeaning(mount.propagation)],
    ['device', 'Device', mount.device, 'Major and minor number, as files there have it'],
    ['id', 'Mount', `${mount.id}, on ${mount.parent}`, 'The kernel’s numbers for it and for the mount it lies on'],
  ];
  return facts
    .filter(([, , value]) => value !== '')
    .map(([key, title, value, meaning]) => {
      const label = plainText(`${title}: ${value}`, 300);
      return {
        key,
        copy: value,
        presentation: {
          label,
          tooltip: tooltipText([value, meaning]),
          icon: { id: 'circle-small' },
          contextValue: 'fact',
          accessibleLabel: label,
        },
      };
    });
}

/** mount_namespaces(7), in one line. */
function propagationMeaning(propagation: string): string {
  if (propagation.includes('master')) return 'What is mounted below its source on the machine later shows here as well';
  if (propagation.includes('shared')) return 'What is mounted below it shows wherever else it is mounted';
  return 'What is mounted elsewhere later does not show here, and what is mounted here shows nowhere else';
}

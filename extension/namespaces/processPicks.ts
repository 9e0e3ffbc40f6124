import type { ContainerSummary, NamespaceProcess, ProcessTarget } from '../../helper/protocol/index.js';
import { iconSafeText } from '../text/untrusted.js';

/** What a person may pick to look at: `target` is missing where a pid is still to be typed. */
export interface ProcessPick {
  label: string;
  description: string;
  target?: ProcessTarget;
  /** For titles and file names. */
  name: string;
}

/** The machine itself, containers that run, a pid to be typed, and all processes that may be looked at. Pure. */
export function processPicks(
  containers: readonly ContainerSummary[],
  processes: readonly NamespaceProcess[],
  withHost: boolean,
): ProcessPick[] {
  return [
    ...(withHost
      ? [
          {
            label: '$(device-desktop) This machine',
            description: 'the host',
            target: { host: true as const },
            name: 'host',
          },
        ]
      : []),
    ...containers.flatMap(({ id, name, init }) =>
      init === undefined
        ? []
        : [
            {
              label: `$(vm-running) ${iconSafeText(name, 64)}`,
              description: `container, process ${init.pid}`,
              target: { container: id },
              name,
            },
          ],
    ),
    { label: '$(edit) Another Process…', description: 'by its pid', name: '' },
    ...processes.map(({ identity, user, command, container }) => ({
      label: `$(gear) ${identity.pid} ${iconSafeText(command, 100)}`,
      description: iconSafeText([user, ...(container === undefined ? [] : [container.name])].join(' · '), 100),
      target: identity,
      name: `process-${identity.pid}`,
    })),
  ];
}

/** What is wrong with a pid as it is typed, in a sentence, or nothing. */
export function pidProblem(text: string): string | undefined {
  return /^\s*[1-9]\d{0,6}\s*$/.test(text) ? undefined : 'A pid is a whole number from 1.';
}

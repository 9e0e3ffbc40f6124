import type { AlsoNeeded, DeniedCall, DeniedReport } from '../../helper/protocol/index.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

/** What beside the filter stands against a call. Undefined: nothing that is known. */
export function needsText(needs: AlsoNeeded | undefined): string | undefined {
  if (needs === undefined) return undefined;
  return needs.kind === 'capability'
    ? `The kernel also wants ${needs.capability} for it, which this container does not have.`
    : 'The kernel also wants privileges on the machine itself for it, which no container of yours can have.';
}

const timesText = (count: number): string => (count === 1 ? 'once' : `${count} times`);

/** The program as its kernel name, which it chooses itself. */
const programText = ({ program }: DeniedCall): string => (program === '' ? 'a program' : plainText(program, 32));

/** The line above refused calls. `report.notify` false: nobody counts. */
export function presentDeniedGroup(report: DeniedReport): Presentation {
  const open = report.calls.filter(({ allowed }) => !allowed);
  const description =
    !report.notify && report.calls.length === 0
      ? 'not counted'
      : open.length === 0 && report.others === 0
        ? 'none'
        : open
            .map(({ call }) => plainText(call, 40))
            .filter((call, at, all) => all.indexOf(call) === at)
            .join(', ');
  return {
    label: 'Refused calls',
    description,
    tooltip: tooltipText(
      report.notify
        ? ['System calls that the filter refused since it was started, by program.']
        : [
            'Refused calls are not counted.',
            'A container made with "seccomp": { "notify": true }, or --seccomp-notify, has them counted.',
          ],
    ),
    icon: open.length === 0 ? { id: 'shield' } : { id: 'warning', color: 'problemsWarningIcon.foreground' },
    contextValue: 'denied.group',
    accessibleLabel: `Refused system calls: ${description}`,
  };
}

/** One refused call of a program. */
export function presentDenied(one: DeniedCall): Presentation {
  const call = plainText(one.call, 40);
  const program = programText(one);
  const needs = needsText(one.needs);
  const state = one.allowed ? 'allowed at the next start' : timesText(one.count);
  return {
    label: call,
    description: `${program} · ${state}`,
    tooltip: tooltipText([
      `${program} was refused ${call} ${timesText(one.count)} (EPERM).`,
      one.allowed ? 'The next start lets it through.' : undefined,
      needs,
    ]),
    icon: one.allowed ? { id: 'check' } : { id: 'circle-slash' },
    contextValue: one.allowed ? 'denied.allowed' : 'denied',
    accessibleLabel: `${program} was refused the system call ${call}, ${state}`,
  };
}

/** The line about those that are not kept apart; undefined: there are none. */
export function presentOthers({ others }: DeniedReport): Presentation | undefined {
  if (others === 0) return undefined;
  return {
    label: `${others} more`,
    tooltip: 'Of programs and calls beyond those that are kept apart.',
    icon: { id: 'ellipsis' },
    contextValue: 'denied.others',
    accessibleLabel: `${others} more refused calls`,
  };
}

/** What the status bar says; undefined: nothing is refused that is not allowed by now. */
export function deniedStatus(reports: readonly DeniedReport[]): { text: string; words: string } | undefined {
  const calls = new Set(
    reports.flatMap((report) => report.calls.filter(({ allowed }) => !allowed).map(({ call }) => plainText(call, 40))),
  );
  if (calls.size === 0) return undefined;
  return { text: `$(shield) ${calls.size}`, words: `Refused system calls: ${[...calls].slice(0, 8).join(', ')}` };
}

import type { DoctorLine, DoctorReport, Verdict } from '../../helper/protocol/index.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

const icons: Readonly<Record<Verdict, { id: string; color: string }>> = {
  works: { id: 'pass', color: 'testing.iconPassed' },
  partial: { id: 'warning', color: 'problemsWarningIcon.foreground' },
  missing: { id: 'error', color: 'testing.iconFailed' },
};

/** One line of the doctor: the verdict as icon, what was tried beside it. */
export function presentDoctorLine(line: DoctorLine): Presentation {
  const title = plainText(line.title);
  return {
    label: title,
    description: line.verdict === 'works' ? 'works' : [line.verdict, line.errno].filter(Boolean).join(' · '),
    tooltip: tooltipText([
      line.title,
      line.tried,
      line.features.length === 0 ? undefined : `Needed for: ${line.features.join(', ')}`,
      line.fix,
      line.command,
    ]),
    icon: icons[line.verdict],
    contextValue: line.command === undefined ? `doctor.${line.verdict}` : `doctor.${line.verdict}.command`,
    accessibleLabel: [`${title}: ${line.verdict}`, plainText(line.tried), line.fix && plainText(line.fix)]
      .filter(Boolean)
      .join('. '),
  };
}

/** What is listed below a line: what was tried, what depends on it, and what to do. */
export function doctorDetails(line: DoctorLine): Presentation[] {
  const detail = (icon: string, label: string, value: string, contextValue = 'detail'): Presentation => ({
    label,
    description: plainText(value, 300),
    tooltip: tooltipText([`${label}: ${value}`]),
    icon: { id: icon },
    contextValue,
    accessibleLabel: `${label}: ${plainText(value, 300)}`,
  });
  return [
    detail('beaker', 'Tried', line.tried),
    ...(line.features.length === 0 ? [] : [detail('list-unordered', 'Needed for', line.features.join(', '))]),
    ...(line.fix === undefined ? [] : [detail('lightbulb', 'To do', line.fix)]),
    ...(line.command === undefined ? [] : [detail('terminal', 'Command', line.command, 'detail.command')]),
  ];
}

/** The whole report in a few words. */
export function doctorSummary(report: DoctorReport): string {
  const count = (verdict: Verdict): number => report.lines.filter((line) => line.verdict === verdict).length;
  const missing = count('missing');
  const partial = count('partial');
  if (missing === 0 && partial === 0) {
    return `All ${report.lines.length} checks work`;
  }
  return [
    `${count('works')} of ${report.lines.length} checks work`,
    missing > 0 ? `${missing} missing` : undefined,
    partial > 0 ? `${partial} partly` : undefined,
  ]
    .filter(Boolean)
    .join(', ');
}

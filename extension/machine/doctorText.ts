import type { DoctorGroup, DoctorLine, DoctorReport, Verdict } from '../../helper/protocol/index.js';
import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from '../views/presentation.js';

const works = { id: 'pass', color: 'testing.iconPassed' };
const partial = { id: 'warning', color: 'problemsWarningIcon.foreground' };
const impossible = { id: 'error', color: 'testing.iconFailed' };
/** Containers can do without: no cause for alarm. */
const absent = { id: 'circle-slash', color: 'problemsWarningIcon.foreground' };

function iconOf({ verdict, essential }: Pick<DoctorLine, 'verdict' | 'essential'>): { id: string; color: string } {
  if (verdict === 'works') return works;
  if (verdict === 'partial') return partial;
  return essential ? impossible : absent;
}

/** Lines of one group, with what is to be seen of them at a glance. */
export interface DoctorSection {
  group: DoctorGroup;
  lines: DoctorLine[];
}

/** The lines by group, in the order of the report. */
export function sectionsOf(report: DoctorReport): DoctorSection[] {
  const groups = [...new Set(report.lines.map(({ group }) => group))];
  return groups.map((group) => ({ group, lines: report.lines.filter((line) => line.group === group) }));
}

/** A group: how much of it works, as the icon of the worst line. */
export function presentSection({ group, lines }: DoctorSection): Presentation {
  const worst =
    lines.find(({ verdict, essential }) => verdict === 'missing' && essential) ??
    lines.find(({ verdict }) => verdict === 'missing') ??
    lines.find(({ verdict }) => verdict === 'partial');
  const working = lines.filter(({ verdict }) => verdict === 'works').length;
  const description = working === lines.length ? `all ${lines.length} work` : `${working} of ${lines.length} work`;
  return {
    label: group,
    description,
    icon: worst === undefined ? works : iconOf(worst),
    contextValue: 'doctorGroup',
    accessibleLabel: `${group}: ${description}`,
  };
}

/** One line of the doctor: the verdict as icon, what was tried beside it. */
export function presentDoctorLine(line: DoctorLine): Presentation {
  const title = plainText(line.title);
  const verdict = line.verdict === 'missing' && line.essential ? 'missing, no container can run' : line.verdict;
  return {
    label: title,
    description: line.verdict === 'works' ? 'works' : [verdict, line.errno].filter(Boolean).join(' · '),
    tooltip: tooltipText([
      line.title,
      line.tried,
      line.features.length === 0 ? undefined : `Needed for: ${line.features.join(', ')}`,
      line.fix,
      line.command,
    ]),
    icon: iconOf(line),
    contextValue: line.command === undefined ? `doctor.${line.verdict}` : `doctor.${line.verdict}.command`,
    accessibleLabel: [`${title}: ${verdict}`, plainText(line.tried), line.fix && plainText(line.fix)]
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
  const took = line.milliseconds === undefined ? '' : ` (${line.milliseconds} ms)`;
  return [
    detail('beaker', 'Tried', `${line.tried}${took}`),
    ...(line.features.length === 0 ? [] : [detail('list-unordered', 'Needed for', line.features.join(', '))]),
    ...(line.fix === undefined ? [] : [detail('lightbulb', 'To do', line.fix)]),
    ...(line.command === undefined ? [] : [detail('terminal', 'Command', line.command, 'detail.command')]),
  ];
}

/** The whole report in a few words. */
export function doctorSummary(report: DoctorReport): string {
  const count = (verdict: Verdict): number => report.lines.filter((line) => line.verdict === verdict).length;
  const missing = count('missing');
  const partly = count('partial');
  if (missing === 0 && partly === 0) {
    return `All ${report.lines.length} checks work`;
  }
  return [
    `${count('works')} of ${report.lines.length} checks work`,
    missing > 0 ? `${missing} missing` : undefined,
    partly > 0 ? `${partly} partly` : undefined,
  ]
    .filter(Boolean)
    .join(', ');
}

/** The report to paste into an issue: what is shown, as Markdown, and nothing else of the machine. */
export function doctorMarkdown(report: DoctorReport): string {
  const cell = (text: string): string => plainText(text, 2000).replaceAll('\\', '\\\\').replaceAll('|', '\\|');
  const row = (line: DoctorLine): string => {
    const verdict = [line.verdict, line.errno].filter(Boolean).join(', ');
    return `| ${line.id} | ${verdict} | ${cell(line.tried)} | ${cell(line.fix ?? '')} |`;
  };
  return [
    '# Terrarium doctor',
    '',
    `${doctorSummary(report)}.`,
    ...sectionsOf(report).flatMap(({ group, lines }) => [
      '',
      `## ${group}`,
      '',
      '| line | verdict | tried | to do |',
      '| --- | --- | --- | --- |',
      ...lines.map(row),
    ]),
    '',
  ].join('\n');
}

/** The section on a line in docs/doctor.md; the whole text when there is none. */
export function documentationOf(id: string, manual: string): string {
  const start = `\n${manual}`.indexOf(`\n## ${id}\n`);
  if (start < 0) {
    return manual;
  }
  const section = manual.slice(start);
  const end = section.indexOf('\n## ');
  return end < 0 ? section : section.slice(0, end + 1);
}

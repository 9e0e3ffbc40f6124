import type {
  ComparedProcess,
  ComparisonSection,
  ComparisonTopic,
  ProcessComparison,
} from '../../helper/protocol/index.js';
import { codeSpan } from '../text/untrusted.js';

const titles: Readonly<Record<ComparisonTopic, string>> = {
  namespaces: 'Namespaces',
  ids: 'Users and groups',
  capabilities: 'Capabilities',
  confinement: 'Confinement',
  mounts: 'Mounts',
  sysctl: 'Kernel settings',
  cgroup: 'Control groups',
  limits: 'Limits of control groups',
  rlimits: 'Limits of each process',
};

/** Two processes side by side, as Markdown: what differs in tables, what is alike in a line. */
export function comparisonText({ a, b, sections }: ProcessComparison): string {
  const differing = sections.filter(({ differences }) => differences.length > 0).length;
  return [
    `# ${heading(a)} and ${heading(b)}`,
    '',
    ...tableHead(a, b),
    `| Process | ${a.identity.pid} | ${b.identity.pid} |`,
    `| Command | ${codeSpan(a.command)} | ${codeSpan(b.command)} |`,
    '',
    differing === 0
      ? 'They are alike in all that could be read.'
      : `They differ in ${differing} of ${sections.length} matters.`,
    ...sections.flatMap((section) => sectionText(section, tableHead(a, b))),
    '',
  ].join('\n');
}

function heading({ host, container, identity }: ComparedProcess): string {
  if (host === true) return 'This machine';
  return container === undefined ? `Process ${identity.pid}` : codeSpan(container.name);
}

function tableHead(a: ComparedProcess, b: ComparedProcess): string[] {
  return [`| | ${heading(a)} | ${heading(b)} |`, '| --- | --- | --- |'];
}

function sectionText({ topic, differences, same, unknown }: ComparisonSection, head: readonly string[]): string[] {
  return [
    '',
    `## ${titles[topic]}`,
    '',
    ...(unknown === undefined ? [] : [`Not compared. ${codeSpan(unknown)}`, '']),
    ...(differences.length === 0
      ? []
      : [...head, ...differences.map(({ name, a, b }) => `| ${codeSpan(name)} | ${side(a)} | ${side(b)} |`), '']),
    ...(same.length === 0 ? [] : [`The same: ${same.map(codeSpan).join(', ')}`]),
  ];
}

/** What only the other one has is told apart from what is empty. */
function side(value: string | null): string {
  return value === null ? '–' : codeSpan(value) || '*empty*';
}

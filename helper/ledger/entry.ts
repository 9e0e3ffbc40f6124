/** What came of entering a process, for the document of its ledger: whom, which namespaces, as whom, and how by hand. Pure. */
import type { Plan } from '../plan/step.js';
import { capabilities, capabilityNamesOf } from '../protocol/index.js';
import { code } from './markdown.js';
import { namesOf } from './scriptAround.js';
import { enterLines, entryOf } from './scriptEnter.js';
import { stepOf } from './stepOf.js';

export function renderEntry(plan: Plan): string[] {
  const entry = entryOf(plan);
  if (entry === undefined) return [];
  const execution = stepOf(plan, 'execute');
  const ids = stepOf(plan, 'setIds');
  const groups = ids === undefined ? [] : [...new Uint32Array(Uint8Array.from(ids.groups).buffer)];
  const names = capabilityNamesOf(stepOf(plan, 'setCapabilities')?.permitted ?? 0n);
  const rows: [string, string][] = [
    ['Process', `${entry.pid}, started ${entry.startTime} clock ticks after this machine`],
    ['Namespaces', namesOf(entry.flags).join(', ')],
    [
      'User',
      ids === undefined ? 'as it was: nobody is mapped there' : `${ids.uid}, group ${[ids.gid, ...groups].join(', ')}`,
    ],
    ['Capabilities', names.length === capabilities.length ? 'all' : names.join(', ') || 'none'],
    ['no\\_new\\_privs', stepOf(plan, 'setNoNewPrivileges') === undefined ? 'not set' : 'set'],
    ['Folder', code(stepOf(plan, 'changeDirectory')?.path ?? '/')],
    ['Command', code((execution?.args ?? []).join(' '))],
  ];
  return [
    '| What was entered | |',
    '|---|---|',
    ...rows.map(([what, value]) => `| ${what} | ${value.replaceAll('|', '\\|')} |`),
    '',
    'By hand, in bash:',
    '',
    '```sh',
    ...enterLines(plan),
    '```',
    '',
  ];
}

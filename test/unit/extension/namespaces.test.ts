import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { comparisonText } from '../../../extension/namespaces/comparisonText.js';
import {
  type Arrangement,
  childrenOf,
  isLeaf,
  type NamespaceNode,
  presentNode,
} from '../../../extension/namespaces/nodes.js';
import { pidProblem, processPicks } from '../../../extension/namespaces/processPicks.js';
import { environmentText, openFilesText } from '../../../extension/namespaces/processText.js';
import { codeSpan, escapedText, jsonText } from '../../../extension/text/untrusted.js';
import type {
  NamespaceEntry,
  NamespaceProcess,
  NamespaceReport,
  ProcessComparison,
  ProcessInspection,
} from '../../../helper/protocol/index.js';

const web = { id: '0123456789ab', name: 'web' };
const hostile = 'evil\u001b[31m\n$(alert)\u202e|`x`';

function namespace(type: NamespaceEntry['type'], inode: number, more: Partial<NamespaceEntry> = {}): NamespaceEntry {
  return { type, inode, host: false, processes: 1, holders: [], containers: [], runtimes: [], ...more };
}

function member(pid: number, command: string, more: Partial<NamespaceProcess> = {}): NamespaceProcess {
  return {
    ...{ identity: { pid, startTime: pid * 10 }, parentPid: 1, innerPid: pid, uid: 1000, user: 'me', command },
    ...{ namespaces: {}, forChildren: {}, ...more },
  };
}

const report: NamespaceReport = {
  device: '0:4',
  namespaces: [
    namespace('network', 10, { host: true, processes: 2, firstPid: 100, owner: 1 }),
    namespace('network', 20, { containers: [web], firstPid: 200, owner: 2 }),
    namespace('network', 30, {
      processes: 0,
      owner: 2,
      holders: [
        { kind: 'mount', path: `/run/${hostile}`, pid: 200 },
        { kind: 'descriptor', pid: 7, fd: 3 },
      ],
    }),
    namespace('user', 1, { host: true, processes: 1, firstPid: 100, creator: { uid: 0, user: 'root' } }),
    namespace('user', 2, { parent: 1, owner: 1, firstPid: 200, containers: [web], creator: { uid: 1000, user: 'me' } }),
    namespace('time', 5, { owner: 9, firstPid: 100 }),
  ],
  processes: [
    member(100, 'editor', { namespaces: { network: 10, user: 1, time: 5 } }),
    member(200, hostile, { namespaces: { network: 20, user: 2 }, innerPid: 1, container: web }),
  ],
  refused: { processes: [{ user: 'root', count: 80 }], descriptors: 1, hidepid: 'hidepid=invisible' },
};

/** The tree as indented labels. */
function drawn(arrangement: Arrangement, node?: NamespaceNode, depth = 0): string[] {
  return childrenOf(report, arrangement, node).flatMap((child) => {
    const { label, description } = presentNode(child, report, arrangement);
    const line = `${'  '.repeat(depth)}${label}${description === undefined ? '' : ` — ${description}`}`;
    return isLeaf(child) ? [line] : [line, ...drawn(arrangement, child, depth + 1)];
  });
}

describe('the view of namespaces', () => {
  it('lists types, in each containers first and the host last, and what is not listed', () => {
    assert.deepEqual(drawn('type'), [
      'Network — 3 namespaces',
      '  web — 20 · 1 process',
      '    200 evil [31m $(alert)|`x` — me · web · pid 1 inside',
      '  no process — 30 · 0 processes',
      '    Mounted at /run/evil [31m $(alert)|`x`, as process 200 sees it',
      '    Open as descriptor 3 of process 7',
      '  this machine — 10 · 2 processes',
      '    100 editor — me',
      'User — 2 namespaces',
      '  web — 2 · 1 process',
      '    200 evil [31m $(alert)|`x` — me · web · pid 1 inside',
      '  this machine — 1 · 1 process',
      '    100 editor — me',
      'Time — 1 namespace',
      '  editor — 5 · 1 process',
      '    100 editor — me',
      '80 processes of other users may not be looked at',
      'Open files of 1 process may not be seen',
      '/proc hides processes of other users',
    ]);
  });

  it('puts each below the user namespace that owns it, and those of unseen owners at the top', () => {
    assert.deepEqual(drawn('owner').slice(0, -3), [
      'User: this machine — 1 · 1 process',
      '  Processes — 1 process',
      '    100 editor — me',
      '  Network: this machine — 10 · 2 processes',
      '    100 editor — me',
      '  User: web — 2 · 1 process',
      '    Processes — 1 process',
      '      200 evil [31m $(alert)|`x` — me · web · pid 1 inside',
      '    Network: web — 20 · 1 process',
      '      200 evil [31m $(alert)|`x` — me · web · pid 1 inside',
      '    Network: no process — 30 · 0 processes',
      '      Mounted at /run/evil [31m $(alert)|`x`, as process 200 sees it',
      '      Open as descriptor 3 of process 7',
      'Time: editor — 5 · 1 process',
      '  100 editor — me',
    ]);
  });

  it('gives every line an id of its own', () => {
    for (const arrangement of ['type', 'owner'] as const) {
      const ids: string[] = [];
      const walk = (node?: NamespaceNode): void => {
        for (const child of childrenOf(report, arrangement, node)) {
          ids.push(child.id);
          walk(child);
        }
      };
      walk();
      assert.equal(new Set(ids).size, ids.length, arrangement);
    }
  });

  it('lets commands know the container of a process that is in one, and only of such', () => {
    const [network] = childrenOf(report, 'type');
    const processes = childrenOf(report, 'type', network).flatMap((entry) => childrenOf(report, 'type', entry));
    const known = processes.flatMap((node) =>
      node.kind === 'process' ? [[node.process.identity.pid, node.container]] : [],
    );
    assert.deepEqual(known, [
      [200, web.id],
      [100, undefined],
    ]);
    assert.deepEqual(
      processes.map((node) => presentNode(node, report, 'type').contextValue),
      ['process.container', 'note', 'note', 'process.other'],
    );
  });
});

describe('documents about processes', () => {
  const comparison: ProcessComparison = {
    a: { identity: { pid: 200, startTime: 1 }, command: hostile, container: web },
    b: { identity: { pid: 1, startTime: 1 }, command: 'init', host: true },
    sections: [
      { topic: 'namespaces', differences: [{ name: 'network', a: '20', b: '10' }], same: ['time'] },
      { topic: 'mounts', differences: [{ name: '/a|b', a: '', b: null }], same: [] },
      { topic: 'sysctl', differences: [], same: [], unknown: 'Of process 1: EACCES' },
    ],
  };

  it('compares side by side, in tables that nothing in them breaks', () => {
    const text = comparisonText(comparison);
    assert.match(text, /^# `web` and This machine$/m);
    assert.match(text, /^\| \| `web` \| This machine \|$/m);
    assert.match(text, /^They differ in 2 of 3 matters\.$/m);
    assert.match(text, /^\| `network` \| `20` \| `10` \|$/m);
    assert.match(text, /^\| `\/a\\\|b` \| \*empty\* \| – \|$/m);
    assert.match(text, /^Not compared\. `Of process 1: EACCES`$/m);
    assert.match(text, /^The same: `time`$/m);
    assert.ok(text.includes('| `` evil\\x1b[31m\\n$(alert)\\u202e\\|`x` `` | `init` |'), text);
    // Each row has its three cells: separators are the pipes that are not escaped.
    for (const line of text.split('\n').filter((row) => row.startsWith('|'))) {
      assert.equal(line.match(/(?<!\\)\|/g)?.length, 4, line);
    }
  });

  const inspected = (more: Partial<ProcessInspection>, env?: string[]): ProcessInspection =>
    ({ process: { ...(env === undefined ? {} : { env }) }, unreadable: {}, ...more }) as ProcessInspection;

  it('shows each variable on one line of its own', () => {
    assert.equal(environmentText(inspected({}, ['A=1', 'B=two\nlines\u001b'])), 'A=1\nB=two\\nlines\\x1b\n');
    assert.equal(environmentText(inspected({}, [])), 'The process shows no environment.\n');
    const refused = inspected({ unreadable: { 'process.env': 'EACCES (open): no.' } });
    assert.equal(environmentText(refused), 'EACCES (open): no.\n');
  });

  it('shows open files as a table', () => {
    const files = [
      { fd: 0, target: '/dev/null', flags: ['O_RDWR'], position: 0 },
      { fd: 12, target: 'socket:[77]' },
    ];
    assert.equal(
      openFilesText(inspected({ files })),
      'FD  FLAGS   POSITION  FILE\n0   O_RDWR  0         /dev/null\n12                    socket:[77]\n',
    );
    assert.equal(openFilesText(inspected({ files: [] })), 'The process has no file open.\n');
  });

  it('escapes what would be obeyed, and nothing else', () => {
    assert.equal(escapedText('a\tb\u007f\u0085\u2028ü$'), 'a\\tb\\x7f\\x85\\u2028ü$');
    assert.deepEqual(JSON.parse(jsonText({ [hostile]: hostile })), { [hostile]: hostile });
    assert.doesNotMatch(jsonText([hostile, '\u009b']), /[\u202e\u009b]/);
    assert.equal(codeSpan(' '), '');
    assert.equal(codeSpan('a``b'), '```a``b```');
  });
});

describe('picking a process', () => {
  it('offers the host only where it makes sense, containers that run, any pid, and processes', () => {
    const summary = { id: web.id, name: web.name, init: { pid: 200, startTime: 1 } };
    const stopped = { id: 'ffffffffffff', name: 'stopped' };
    const containers = [summary, stopped] as unknown as Parameters<typeof processPicks>[0];
    const picks = processPicks(containers, report.processes, true);
    assert.deepEqual(
      picks.map(({ target }) => target),
      [{ host: true }, { container: web.id }, undefined, { pid: 100, startTime: 1000 }, { pid: 200, startTime: 2000 }],
    );
    assert.ok(picks.at(-1)?.label.includes('\\$(alert)'));
    assert.ok(!processPicks(containers, [], false).some(({ target }) => target !== undefined && 'host' in target));
    assert.deepEqual(
      [' 12 ', '0', '-1', 'x', ''].map((text) => pidProblem(text) === undefined),
      [true, false, false, false, false],
    );
  });
});

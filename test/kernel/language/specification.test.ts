import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, test } from 'node:test';
import type { CodeLens, CompletionList, Diagnostic, Hover, PublishDiagnosticsParams } from 'vscode-languageserver/node';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { eventually } from '../support/wait.js';

const swappiness = readFileSync('/proc/sys/vm/swappiness', 'utf8').trim();

/** The helper as an editor speaks to it about specification files, with a machine behind it. */
const bed = new Bed();
const published = new Map<string, PublishDiagnosticsParams>();
let files = 0;

interface OpenFile {
  uri: string;
  /** What is said of it, once something is. */
  diagnostics(): Promise<Diagnostic[]>;
  close(): Promise<void>;
}

/** Opens a file that is nowhere on disk: what is typed counts. */
async function open(text: string): Promise<OpenFile> {
  const { connection } = bed.helper;
  connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) => {
    published.set(params.uri, params);
  });
  const uri = `file://${bed.home.folder}/file-${++files}.terrarium.json`;
  const textDocument = { uri, languageId: 'jsonc', version: 1, text };
  await connection.sendNotification('textDocument/didOpen', { textDocument });
  return {
    uri,
    diagnostics: async () => {
      await eventually(`a word about ${uri}`, () => published.has(uri));
      return published.get(uri)?.diagnostics ?? [];
    },
    close: () => connection.sendNotification('textDocument/didClose', { textDocument: { uri } }),
  };
}

const underlined = (text: string, { range: { start, end } }: Diagnostic): string => {
  assert.equal(start.line, 0);
  return text.slice(start.character, end.character);
};

describe('what a launch refuses is underlined where it is written', () => {
  /** A specification, and what of its text is wrong. */
  const refused: [string, () => object, string][] = [
    ['a root folder that is missing', () => ({ root: { kind: 'directory', path: '/no/such' } }), '"/no/such"'],
    ['an empty root folder', () => ({ root: { kind: 'directory', path: emptyFolder() } }), `"EMPTY"`],
    ['the root of this machine as a folder', () => ({ root: { kind: 'directory', path: '/' } }), '"/"'],
    ['an image that is missing', () => ({ root: { kind: 'image', name: 'nosuch' } }), '"nosuch"'],
    ['a field that there is not', () => ({ nmae: 'x' }), '"nmae"'],
    ['a wrong type', () => ({ args: 'sh' }), '"sh"'],
    ['an unknown user', () => ({ root: bed.root, user: 'nosuch' }), '"nosuch"'],
    ['a user beyond the map', () => ({ root: bed.root, user: '100000000' }), '"100000000"'],
    ['an unknown capability', () => ({ root: bed.root, capabilities: { add: ['CAP_NOPE'] } }), '"CAP_NOPE"'],
    ['a limit nothing can live in', () => ({ root: bed.root, resources: { memory: { limit: 5 } } }), '5'],
    ['swap below memory', () => ({ root: bed.root, resources: { memory: { limit: 1048576, swap: 9 } } }), '9'],
    ['a limit that is none', () => ({ root: bed.root, resources: { unified: { 'cgroup.procs': '7' } } }), '"7"'],
    [
      'a source that is missing',
      () => ({ root: bed.root, mounts: [{ destination: '/m', source: '/no/such' }] }),
      '"/no/such"',
    ],
    [
      'a container that there is not',
      () => ({ root: bed.root, network: { kind: 'container', container: 'nosuch' } }),
      '"nosuch"',
    ],
    // The value that it has: were it taken, nothing would change.
    [
      'a setting of the machine',
      () => ({ root: bed.root, sysctl: { 'vm.swappiness': swappiness } }),
      `"${swappiness}"`,
    ],
    [
      'a clock below zero',
      () => ({ root: bed.root, timeOffsets: { boottime: { secs: -1e9, nanosecs: 0 } } }),
      '-1000000000',
    ],
  ];
  const emptyFolder = () => {
    const folder = path.join(bed.home.folder, 'empty');
    mkdirSync(folder, { recursive: true });
    return folder;
  };

  for (const [name, make, span] of refused) {
    test(name, async () => {
      const specification = make() as protocol.ContainerSpecification;
      await assert.rejects(bed.helper.request(protocol.RunContainer, { specification }), 'the launch takes it');
      const text = JSON.stringify(specification);
      const file = await open(text);
      const errors = (await file.diagnostics()).filter(({ severity }) => severity === 1);
      assert.deepEqual(
        errors.map((error) => underlined(text, error)),
        [span.replace('EMPTY', emptyFolder())],
      );
      await file.close();
    });
  }
});

test('nothing is said of a file that launches', async () => {
  const specification = { root: bed.root, user: 'root', mounts: [{ destination: '/m', source: bed.home.folder }] };
  const file = await open(JSON.stringify(specification));
  assert.deepEqual(await file.diagnostics(), []);
  await bed.helper.runToEnd({ ...specification, args: ['/bin/true'] } as protocol.ContainerSpecification);
  await file.close();
});

test('a file is judged again when containers change, and forgotten when it is closed', async () => {
  const file = await open('{ "network": { "kind": "container", "container": "late" } }');
  assert.match(String((await file.diagnostics())[0]?.message), /no container "late"/);
  const { id } = await bed.up({ name: 'late' });
  await eventually('no more complaints', () => published.get(file.uri)?.diagnostics.length === 0);
  await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
  await eventually('the complaint again', () => published.get(file.uri)?.diagnostics.length === 1);
  await file.close();
  await eventually('no complaint about a closed file', () => published.get(file.uri)?.diagnostics.length === 0);
});

test('completion, hover and lens know the root', async () => {
  const text = JSON.stringify({ root: bed.root, user: 'root' });
  const file = await open(text);
  const { connection } = bed.helper;
  const textDocument = { uri: file.uri };
  const position = { line: 0, character: text.indexOf('"root"', text.indexOf('"user"')) + 2 };
  const list: CompletionList = await connection.sendRequest('textDocument/completion', { textDocument, position });
  assert.ok(list.items.some(({ label }) => label === '"root"'));
  const hover: Hover = await connection.sendRequest('textDocument/hover', { textDocument, position });
  const uid = process.getuid?.() ?? -1;
  assert.match(JSON.stringify(hover.contents), new RegExp(`uid 0 inside, ${uid} outside`));
  const [lens]: CodeLens[] = await connection.sendRequest('textDocument/codeLens', { textDocument });
  assert.deepEqual(lens?.command?.arguments, [file.uri]);
  assert.equal(lens?.command?.command, 'terrarium.launchSpecification');
  await file.close();
});

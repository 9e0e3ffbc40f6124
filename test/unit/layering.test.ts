import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';

/**
 * Which folder may import from which: the architecture, as docs/architecture.md tells it. Longest folder first; a file
 * belongs to the first that holds it. `packages` names those that not everybody may use.
 */
const layers: readonly { folder: string; imports: readonly string[]; packages: readonly (string | RegExp)[] }[] = [
  { folder: 'helper/protocol', imports: ['helper/protocol'], packages: ['vscode-jsonrpc'] },
  { folder: 'helper', imports: ['helper', 'native'], packages: [/^(?!vscode$|koffi$|vscode-languageclient)/] },
  { folder: 'native', imports: ['native'], packages: ['koffi', /^node:/] },
  { folder: 'cli', imports: ['cli', 'helper/protocol'], packages: [/^(?!vscode$|koffi$)/] },
  { folder: 'extension', imports: ['extension', 'helper/protocol'], packages: [/^(?!koffi$)/] },
  // A page has neither the editor's API nor Node's.
  {
    folder: 'media',
    imports: ['media', 'extension/limits', 'extension/overview', 'helper/protocol'],
    packages: [/^(?!vscode$|koffi$|node:)/],
  },
];

/**
 * Every module that a text names, also in types, comments and strings: it may find too much, never too little. An
 * import whose module is computed is given as the empty string.
 */
function importedModules(text: string): string[] {
  const literal = /\b(?:from|import|require)\s*(?:\(\s*)?(['"`])([^'"`\n]*)\1/g;
  // Not a method of that name: `.import(` calls one, `async import(` defines one.
  const computed = /(?<!\.|async )\b(?:import|require)\s*\((?!\s*['"`])/g;
  return [...[...text.matchAll(literal)].map((match) => match[2] ?? ''), ...[...text.matchAll(computed)].map(() => '')];
}

/** The `terrarium` command loads the helper's bundle beside it, and then speaks to it by the protocol alone. */
const loadsABundle = 'cli/client.ts';

const isIn = (file: string, folder: string): boolean => file.startsWith(`${folder}/`);

/** One sentence for each import of the file (a path from the root of the project) that its layer forbids. */
function violations(file: string, text: string): string[] {
  const layer = layers.find(({ folder }) => isIn(file, folder));
  assert.ok(layer, `${file} is in no layer`);
  return importedModules(text).flatMap((module) => {
    if (module === '')
      return file === loadsABundle ? [] : [`${file} imports something that cannot be told from its text`];
    if (module.startsWith('.')) {
      const target = path.posix.join(path.posix.dirname(file), module);
      return layer.imports.some((folder) => isIn(target, folder)) ? [] : [`${file} imports ${target}`];
    }
    const allowed = layer.packages.some((one) => {
      const [name] = /^(?:@[^/]+\/)?[^/]+/.exec(module) ?? [module];
      return typeof one === 'string' ? one === name : one.test(module);
    });
    return allowed ? [] : [`${file} imports ${module}`];
  });
}

const root = process.cwd();

function sources(folder: string): string[] {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { recursive: true })
    .map(String)
    .filter((file) => /\.[cm]?tsx?$/.test(file) && !file.includes('node_modules'))
    .map((file) => path.posix.join(folder, file));
}

describe('layers', () => {
  for (const { folder } of layers) {
    it(`${folder} imports only what it may`, () => {
      const files = sources(folder).filter(
        (file) => layers.find((layer) => isIn(file, layer.folder))?.folder === folder,
      );
      assert.notEqual(files.length, 0, `no source in ${folder}: was it moved?`);
      assert.deepEqual(
        files.flatMap((file) => violations(file, readFileSync(path.join(root, file), 'utf8'))),
        [],
      );
    });
  }
});

describe('the test of layers itself', () => {
  const forbidden: [string, string][] = [
    ['extension/a.ts', "import { x } from '../helper/container/store.js';"],
    ['extension/limits/a.ts', "import type { Step } from '../../helper/plan/step.js';"],
    ['extension/a.ts', "import koffi from 'koffi';"],
    ['extension/a.ts', "export * from '../cli/main.js';"],
    ['cli/a.ts', "import * as vscode from 'vscode';"],
    ['cli/a.ts', "import {\n  a,\n  b,\n} from '../helper/main.js';"],
    ['helper/a.ts', "import type { Uri } from 'vscode';"],
    ['helper/a.ts', "const k = require('koffi');"],
    ['helper/a.ts', "const k = await import( 'koffi' );"],
    ['helper/a.ts', "import '../extension/extension.js';"],
    ['helper/a.ts', 'await import(name);'],
    ['helper/protocol/a.ts', "import * as z from 'zod';"],
    ['helper/protocol/a.ts', "import { readFile } from 'node:fs/promises';"],
    ['helper/protocol/a.ts', "import { stepShapes } from '../plan/step.js';"],
    ['native/bindings/a.ts', "import { x } from '../../helper/protocol/index.js';"],
    ['media/limits/a.ts', "import { window } from 'vscode';"],
    ['media/limits/a.ts', "import * as os from 'node:os';"],
    ['media/limits/a.ts', "import { x } from '../../extension/errors/notifier.js';"],
  ];
  for (const [file, text] of forbidden) {
    it(`finds ${text.replaceAll('\n', ' ')} in ${file}`, () => assert.equal(violations(file, text).length, 1));
  }

  it('takes what is allowed', () => {
    const allowed: [string, string][] = [
      ['extension/views/a.ts', "import { x } from '../../helper/protocol/index.js';\nimport { y } from 'vscode';"],
      ['extension/a.ts', "import { LanguageClient } from 'vscode-languageclient/node';"],
      ['helper/a.ts', "import { z } from 'zod';\nimport { flock } from '../native/bindings/flock.js';"],
      ['helper/protocol/a.ts', "import { RequestType } from 'vscode-jsonrpc';\nimport type { X } from './oci.js';"],
      ['native/bindings/a.ts', "import koffi from 'koffi';\nimport { constants } from 'node:os';"],
    ];
    for (const [file, text] of allowed) assert.deepEqual(violations(file, text), []);
  });
});

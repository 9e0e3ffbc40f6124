import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { before, test } from 'node:test';
import { installPackage } from './support/editor.js';

const platform = `linux-${process.arch}`;

/** Everything that ships. What is not here must not, and what is here must. */
const shipped = [
  '.vsixmanifest',
  'LICENSE.txt',
  'changelog.md',
  'package.json',
  'package.nls.json',
  'readme.md',
  'dist/agent.cjs',
  'dist/cli.cjs',
  'dist/extension.cjs',
  'dist/helper.cjs',
  'dist/specification.schema.json',
  'dist/media/limits.css',
  'dist/media/limits.js',
  'dist/media/overview.css',
  'dist/media/overview.js',
  `dist/node_modules/@koromix/koffi-${platform}/index.js`,
  `dist/node_modules/@koromix/koffi-${platform}/linux_${process.arch}/koffi.node`,
  `dist/node_modules/@koromix/koffi-${platform}/package.json`,
  'dist/node_modules/koffi/LICENSE.txt',
  'dist/node_modules/koffi/index.cjs',
  'dist/node_modules/koffi/package.json',
  'dist/node_modules/koffi/src/koffi/index.cjs',
  'dist/node_modules/koffi/src/koffi/src/static.cjs',
  `dist/stage/${platform}/terrarium-stage`,
  'docs/doctor.md',
];
/** Pictures and texts come and go. */
const isMedia = (file: string) => /^media\/(icons|walkthrough)\/[a-z-]+\.(svg|png|md)$/.test(file);

let folder: string;
let bed: string;
before(async () => {
  ({ folder, bed } = await installPackage());
});

test('the package holds what runs, and nothing else', () => {
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => statSync(path.join(folder, file)).isFile());
  assert.deepEqual(files.filter((file) => !isMedia(file)).sort(), [...shipped].sort());
  assert.ok(files.includes('media/icons/terrarium.svg'));
});

test('the stage can be executed where it was installed', () => {
  const output = execFileSync(path.join(folder, 'dist/stage', platform, 'terrarium-stage'), ['--version']);
  assert.notEqual(output.toString().trim(), '');
});

for (const [name, node] of [
  ['this Node', () => process.execPath],
  ['the Node of VS Code', () => path.join(bed, `node_modules/node-${platform}/bin/node`)],
] as const) {
  test(`koffi loads from the package in ${name}`, () => {
    const script = "const k = require('koffi'); console.log(k.load(null).func('int getppid()')())";
    const cwd = path.join(folder, 'dist');
    const output = execFileSync(node(), ['-e', script], { cwd, env: { PATH: process.env.PATH } }).toString();
    assert.equal(output.trim(), String(process.pid));
  });
}

// Bundles what runs into dist/: the extension, the helper, its agent, the `terrarium` command and what the
// webviews load. With --tests the test files too, with --bench the measurements, with --production as it ships
// (elsewhere with --outdir=FOLDER).
// The stage is built by its Makefile: scripts/stage.mjs.
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const options = new Set(process.argv.slice(2));
const production = options.has('--production');
const outdir = process.argv.find((option) => option.startsWith('--outdir='))?.slice('--outdir='.length) ?? 'dist';

const node = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  // The oldest Node that runs it: VS Code 1.100 and the `terrarium` command both have 20.
  target: 'node20',
  format: 'cjs',
  sourcemap: !production,
  minifySyntax: production,
  minifyWhitespace: production,
  logLevel: 'warning',
  // ES modules where a package has both: the UMD bundle of jsonc-parser cannot be bundled.
  mainFields: ['module', 'main'],
  outExtension: { '.js': '.cjs' },
  // koffi loads a native file beside itself: it stays a package of its own.
  external: ['vscode', 'koffi'],
};

/** Bundles, and goes on with the others when one fails: esbuild has said why. */
async function bundle(settings) {
  try {
    return await build(settings);
  } catch (error) {
    if (error.errors === undefined) throw error;
    process.exitCode = 1;
    return { metafile: { outputs: {} } };
  }
}

/** Entry points that exist, so that a part of the tree builds alone. */
const present = (entries) =>
  Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(path.join(root, file))));

const testFiles = (kind) => {
  const folder = path.join(root, 'test', kind);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .map((file) => path.join(folder, file));
};

/** Removes bundles of tests that are gone, or they would go on running. */
async function removeStale(folder, results) {
  const made = new Set(results.flatMap((result) => Object.keys(result.metafile.outputs)));
  for (const name of readdirSync(path.join(root, folder), { recursive: true }).map(String)) {
    const file = path.join(folder, name);
    if (/\.cjs(\.map)?$/.test(file) && !made.has(file)) await rm(path.join(root, file), { force: true });
  }
}

await bundle({
  ...node,
  entryPoints: present({
    extension: 'extension/extension.ts',
    helper: 'helper/main.ts',
    agent: 'helper/agent/main.ts',
    cli: 'cli/main.ts',
  }),
  outdir,
});
// `bin` of package.json: npm links it, and then it is executed.
if (existsSync(path.join(root, outdir, 'cli.cjs'))) chmodSync(path.join(root, outdir, 'cli.cjs'), 0o755);

await bundle({
  ...node,
  platform: 'browser',
  // Webviews of VS Code 1.100 are Chromium 132's.
  target: 'chrome132',
  format: 'iife',
  entryPoints: [
    { in: 'media/limits/main.ts', out: 'limits' },
    { in: 'media/limits/limits.css', out: 'limits' },
    { in: 'media/overview/main.ts', out: 'overview' },
    { in: 'media/overview/overview.css', out: 'overview' },
  ],
  outdir: path.join(outdir, 'media'),
  outExtension: {},
  external: [],
});

await copyFile(
  path.join(root, 'extension/specification/specification.schema.json'),
  path.resolve(root, outdir, 'specification.schema.json'),
);

if (options.has('--tests')) {
  const tests = { ...node, outbase: path.join(root, 'test'), outdir: 'dist/test', metafile: true };
  // Unit tests run in the checkout and may use development packages that cannot be bundled (esbuild, typescript).
  const unit = await bundle({ ...tests, entryPoints: testFiles('unit'), packages: 'external' });
  // The others run where only dist/ is: as another user, in a virtual machine, in an extension host.
  const elsewhere = await bundle({
    ...tests,
    entryPoints: ['kernel', 'security', 'machine', 'editor', 'extension-host'].flatMap(testFiles),
    external: [...node.external, 'playwright-core'],
  });
  if (process.exitCode !== 1) await removeStale('dist/test', [unit, elsewhere]);
}

if (options.has('--bench')) {
  await bundle({
    ...node,
    entryPoints: present({
      bench: 'bench/main.ts',
      import: 'bench/import.ts',
      listing: 'bench/listing.ts',
      stats: 'bench/stats.ts',
    }),
    outdir: 'dist/bench',
  });
}

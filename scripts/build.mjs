// Bundles what runs: the extension, the helper, the `terrarium` command; with --tests the test files too.
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: true,
  logLevel: 'warning',
  // koffi loads a native file beside itself: it stays a package of its own.
  external: ['vscode', 'koffi'],
};
const present = (entries) => Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(path.join(root, file))));

await build({
  ...common,
  entryPoints: present({
    extension: 'extension/extension.ts',
    helper: 'helper/main.ts',
    agent: 'helper/image/agent.ts',
    cli: 'cli/main.ts',
  }),
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
});

if (process.argv.includes('--tests')) {
  const find = (folder) =>
    existsSync(folder)
      ? readdirSync(folder, { recursive: true }).map(String).filter((f) => f.endsWith('.test.ts')).map((f) => path.join(folder, f))
      : [];
  await build({
    ...common,
    entryPoints: ['unit', 'kernel', 'security', 'machine'].flatMap((kind) => find(path.join(root, 'test', kind))),
    outbase: path.join(root, 'test'),
    outdir: 'dist/test',
    outExtension: { '.js': '.cjs' },
    packages: 'external',
  });
}

// Tests inside the extension host: `npm run test:electron` runs them in a VS Code that is downloaded, `npm test` in
// the one of the editor bed, whose stand-in for the executable $TERRARIUM_VSCODE names.
import * as path from 'node:path';
import { defineConfig } from '@vscode/test-cli';

const executable = process.env.TERRARIUM_VSCODE;

export default defineConfig({
  files: 'dist/test/extension-host/**/*.test.cjs',
  ...(executable && { useInstallation: { fromPath: executable } }),
  launchArgs: ['--disable-extensions', '--disable-workspace-trust'],
  mocha: {
    ui: 'bdd',
    timeout: 30_000,
    // Results in the form that scripts/test.mjs counts.
    reporter: path.resolve(import.meta.dirname, 'scripts/test/mochaReporter.cjs'),
  },
});

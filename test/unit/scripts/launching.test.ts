import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'jsonc-parser';
import { codeArguments } from '../../../scripts/editor/codeArguments.mjs';

const read = (file: string): unknown => parse(readFileSync(path.join(process.cwd(), file), 'utf8'), [], {});

describe('`npm start` where `code` is installed', () => {
  // Of `code --help` and code.visualstudio.com/docs/configure/command-line, with whether they take a value.
  const documented = new Map([
    ['--new-window', false],
    ['--extensionDevelopmentPath', true],
    ['--no-sandbox', false],
    ['--user-data-dir', true],
  ]);
  const options = { checkout: '/home/person/terrarium', cache: '/home/person/.cache/t', isRoot: false };

  it('passes options that it knows, as it wants them', () => {
    for (const isRoot of [false, true]) {
      for (const argument of codeArguments({ ...options, isRoot })) {
        const [name = '', value] = argument.split('=');
        assert.equal(documented.get(name), value !== undefined, argument);
      }
    }
  });

  it('opens a window with the extension; root gets what VS Code asks of it', () => {
    const own = ['--new-window', '--extensionDevelopmentPath=/home/person/terrarium'];
    assert.deepEqual(codeArguments(options), own);
    assert.deepEqual(codeArguments({ ...options, isRoot: true }), [
      ...own,
      '--no-sandbox',
      '--user-data-dir=/home/person/.cache/t/code',
    ]);
  });
});

describe('.vscode', () => {
  const { configurations } = read('.vscode/launch.json') as {
    configurations: { name: string; preLaunchTask?: string; program?: string; args?: string[] }[];
  };
  const { tasks } = read('.vscode/tasks.json') as {
    tasks: { label: string; type: string; script?: string; command?: string }[];
  };
  const { scripts } = read('package.json') as { scripts: Record<string, string> };

  it('runs tasks and scripts that there are', () => {
    const wanted = configurations.flatMap(({ preLaunchTask }) => preLaunchTask ?? []);
    assert.ok(wanted.length > 0);
    for (const label of wanted)
      assert.ok(
        tasks.some((task) => task.label === label),
        `no task "${label}"`,
      );
    for (const { type, script, command = '' } of tasks) {
      const named = type === 'npm' ? script : /^npm run (\S+)/.exec(command)?.[1];
      if (named !== undefined) assert.ok(named in scripts, `no script "${named}"`);
    }
  });

  it('debugs the test that is open: the bundle of this very one is where it looks', () => {
    const program = configurations.find(({ name }) => name === 'Open unit test')?.program ?? '';
    const file = 'test/unit/scripts/launching.test.ts';
    const bundle = program
      .replace(/\$\{workspaceFolder\}/, process.cwd())
      .replace(/\$\{relativeFileDirname\}/, path.dirname(file))
      .replace(/\$\{fileBasenameNoExtension\}/, path.basename(file, '.ts'));
    assert.doesNotMatch(bundle, /\$/);
    assert.ok(existsSync(bundle), bundle);
  });

  it('opens the extension of this folder', () => {
    const extension = configurations.find(({ name }) => name === 'Extension');
    assert.deepEqual(extension?.args, [`--extensionDevelopmentPath=\${workspaceFolder}`]);
    assert.equal(extension?.preLaunchTask, 'build');
  });
});

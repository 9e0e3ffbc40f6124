import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before } from 'node:test';
import { dist, type Home, makeHome, removeHome } from './home.js';
import { makeBusyboxRoot } from './root.js';

export interface CommandOutcome {
  stdout: string;
  stderr: string;
  status: number | null;
}

/** The `terrarium` command in a home of its own, for the tests of one file, with a root of busybox. */
export class Command {
  private made: { home: Home; root: string } | undefined;

  constructor(prepareHome: () => Home = makeHome) {
    before(() => {
      const home = prepareHome();
      this.made = { home, root: makeBusyboxRoot(home.folder) };
    });
    after(async () => {
      const list = JSON.parse((await this.terrarium(['ps', '--json'])).stdout) as { id: string }[];
      if (list.length > 0) await this.terrarium(['rm', '-f', ...list.map(({ id }) => id)]);
      await removeHome(this.home);
    });
  }

  get home(): Home {
    if (this.made === undefined) throw new Error('The home is made before the first test');
    return this.made.home;
  }

  get root(): string {
    return path.join(this.home.folder, 'root-fs');
  }

  /** Runs `terrarium …` to its end; `input` is its standard input. */
  terrarium(args: readonly string[], input = ''): Promise<CommandOutcome> {
    return this.execute([process.execPath, path.join(dist, 'cli.cjs'), ...args], input);
  }

  /** Runs a script of bash in which `terrarium` is the command and `$root` the root. */
  shell(script: string, input = ''): Promise<CommandOutcome> {
    const functions = 'terrarium() { "$node" "$cli" "$@"; }';
    return this.execute(['bash', '-c', `${functions}\n${script}`], input);
  }

  private async execute([program = '', ...args]: readonly string[], input: string): Promise<CommandOutcome> {
    const variables = { node: process.execPath, cli: path.join(dist, 'cli.cjs'), root: this.root, TERM: 'xterm' };
    const child = spawn(program, args, {
      stdio: 'pipe',
      cwd: this.home.folder,
      env: { ...this.home.environment, ...variables },
    });
    child.stdin.end(input);
    const [stdout, stderr, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { stdout, stderr, status };
  }
}

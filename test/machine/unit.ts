import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { until } from '../kernel/cgroup/bed.js';

export interface Unit {
  name: string;
  /** Of the unit's main process, which stands in for the zygote. */
  pid: number;
  /** Runs `sh -c script` as a child of it. */
  start(script: string): void;
}

let counter = 0;

/**
 * A transient service of the user's systemd with `Delegate=yes`, as the zygote is started in; its main process is a shell
 * that starts the scripts dropped into its folder. Gone after the test.
 */
export async function startUnit(t: TestContext, prefix = 'terrarium-test'): Promise<Unit> {
  const name = `${prefix}-${process.pid}-${counter++}.service`;
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-unit-'));
  t.after(() => {
    execFileSync('systemctl', ['--user', 'stop', name], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  });
  // In a file: systemd expands dollar signs in arguments itself.
  const loop = path.join(folder, 'loop');
  writeFileSync(
    loop,
    `echo $$ > ${folder}/pid.new; mv ${folder}/pid.new ${folder}/pid
while :; do
  for s in ${folder}/*.sh; do [ -e "$s" ] && mv "$s" "$s.started" && { sh "$s.started" & }; done
  sleep 0.05
done`,
  );
  const settings = [`--unit=${name}`, '--property=Delegate=yes', '--collect', '--quiet'];
  execFileSync('systemd-run', ['--user', ...settings, 'sh', loop], { stdio: ['ignore', 'ignore', 'inherit'] });
  const pidFile = path.join(folder, 'pid');
  await until(() => existsSync(pidFile), 'the unit starts');
  return {
    name,
    pid: Number(readFileSync(pidFile, 'utf8')),
    start: (script) => {
      const file = path.join(folder, `${counter++}`);
      writeFileSync(`${file}.new`, script);
      renameSync(`${file}.new`, `${file}.sh`);
    },
  };
}

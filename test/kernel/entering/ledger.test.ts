/** Ledgers of entering what is in no container, and the same done by hand. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { sandboxed, unshareAll, unshared } from '../namespaces/shells.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { namespaceLinks } from '../support/kernel.js';
import { saidBy } from './said.js';

const bed = new Bed();
const container = protocol.enteredProcesses;

/** What a process says of itself, but for what differs whenever a shell is started. */
const report = [
  `for n in ${namespaceLinks.join(' ')}; do readlink /proc/self/ns/$n; done`,
  "grep -E '^(Cap|NoNewPrivs|Umask|Uid|Gid)' /proc/self/status",
  "pwd; hostname; env | grep -vE '^(_|PWD|OLDPWD|SHLVL)=' | sort",
].join('; ');

/** Enters, answers what is said there, and what is said by who does as the ledger's script says. */
async function bothSay(pid: number, more: protocol.ExecSpecification): Promise<{ entered: string; byHand: string }> {
  const entered = await saidBy(bed, pid, report, more);
  const { text } = await bed.helper.request(protocol.RenderLedger, { container, format: 'script' });
  const file = path.join(bed.home.folder, 'enter.sh');
  writeFileSync(file, text);
  const ended = spawnSync('bash', [file], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(ended.status, 0, `${ended.stderr}\n${text}`);
  return { entered, byHand: ended.stdout };
}

test('how a shell of unshare was entered is kept: whom, with what, and a line that does the same', async (t) => {
  const { pid } = await unshared(t, unshareAll, 'hostname of-the-shell; echo ready; read _');
  const all = await bothSay(pid, { cwd: '/usr', env: ['COLOR=a "green" $one'] });
  assert.equal(all.byHand, all.entered);
  assert.match(all.byHand, /^\/usr\nof-the-shell\nCOLOR=a "green" \$one$/m);
  const some = await bothSay(pid, { namespaces: ['user', 'network', 'uts'], capabilities: ['net_raw', 'CAP_CHOWN'] });
  assert.equal(some.byHand, some.entered);
  assert.match(some.byHand, /^CapEff:\t0000000000002001$/m);

  const listed = await bed.helper.request(protocol.ListLedgers, { container });
  assert.deepEqual(
    listed.slice(-2).map((one) => [one.pid, one.succeeded]),
    [
      [pid, true],
      [pid, true],
    ],
  );
  const operation = listed.at(-1)?.operation ?? '';
  const ledger = await bed.helper.request(protocol.ReadLedger, { container });
  assert.equal(ledger.operation, operation, 'the latest, unless another is asked for');
  const entered = ledger.steps.filter(({ kind }) => kind === 'enterNamespace').flatMap(({ calls }) => calls);
  assert.deepEqual(
    entered.map(({ name, errno }) => [name, errno]),
    [
      ['setns', 0],
      ['setns', 0],
      ['setns', 0],
    ],
  );
  const { text } = await bed.helper.request(protocol.RenderLedger, { container, operation, format: 'markdown' });
  assert.match(text, new RegExp(`^# Ledger: \`${operation}\` of \`process ${pid}\`$`, 'm'));
  assert.match(text, /^\| Namespaces \| user, uts, net \|$/m);
  assert.match(text, /^\| Capabilities \| CAP_CHOWN, CAP_NET_RAW \|$/m);
});

test('into a sandbox of bwrap, whose user namespace is in another one', async (t) => {
  const pid = await sandboxed(t);
  if (pid === undefined) return;
  const { entered, byHand } = await bothSay(pid, {});
  // Who is not root there cannot drop what no program can get back.
  const withoutBounding = (text: string) => text.replace(/^CapBnd:.*$/m, '');
  assert.equal(withoutBounding(byHand), withoutBounding(entered));
});

test('one that failed is kept too, and its error leads there', async (t) => {
  const { pid } = await unshared(t, ['--user', '--map-root-user', '--uts']);
  const failed = bed.helper.request(protocol.EnterProcess, { process: { pid }, args: ['/no/such/program'] });
  await fails(failed, { code: protocol.ErrorCode.StepFailed, message: /execute .*ENOENT/ });
  const last = (await bed.helper.request(protocol.ListLedgers, { container })).at(-1);
  assert.deepEqual([last?.pid, last?.succeeded], [pid, false]);
  await failed.catch(({ data }: protocol.TerrariumError) =>
    assert.deepEqual(data?.ledger, { container, operation: last?.operation }),
  );
});

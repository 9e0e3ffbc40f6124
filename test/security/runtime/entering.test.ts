/** CVE-2016-9962: a process that enters cannot be looked into before it executes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { baseOfTarget } from '../../../helper/entering/process.js';
import { readTarget } from '../../../helper/entering/target.js';
import { wayInto } from '../../../helper/entering/way.js';
import { readNamespaces } from '../../../helper/inspect/namespaces.js';
import { processIdentity } from '../../../helper/inspect/stat.js';
import type { Answer } from '../../../helper/plan/answer.js';
import { CLONE_NEWPID } from '../../../helper/plan/constants.js';
import { enterPlan } from '../../../helper/plan/enterPlan.js';
import { execPlan } from '../../../helper/plan/execPlan.js';
import type { Plan } from '../../../helper/plan/step.js';
import type { ContainerSummary, oci } from '../../../helper/protocol/index.js';
import { seccompFilter } from '../../../helper/specification/seccomp.js';
import { carryOutOnce } from '../../../helper/zygote/once.js';
import { stage } from '../../kernel/stage/zygote.js';
import { perl } from './perl.js';
import { Product, processes, procText, until, workFolder } from './product.js';

/**
 * Looks at every process that appears, as fast as it can, and prints what it got hold of while the process was still the
 * stage: its program is the sealed copy, or one of its descriptors is a socket (the link to its monitor).
 */
const spy = (stop: string) => `my %passed = map { $_ => 1 } (1, $$); my ($seen, %got) = (0);
  print "ready\\n";
  until (-e '${stop}') {
    opendir my $proc, '/proc'; for my $pid (grep /^\\d+$/ && !$passed{$_}, readdir $proc) {
      open my $c, '<', "/proc/$pid/comm" or next; my $comm = <$c> // ''; close $c;
      unless ($comm =~ /^terrarium/) { $passed{$pid} = 1 if $comm ne ''; next }
      $seen++;
      my $exe = readlink "/proc/$pid/exe"; $got{exe}++ if defined $exe && $exe =~ /memfd/;
      for my $fd (0 .. 9) { my $to = readlink "/proc/$pid/fd/$fd"; $got{fd}++ if defined $to && $to =~ /socket/ }
      my $stage = sub { open my $m, '<', "/proc/$pid/maps" or return 0; my $text = join '', <$m>; $text =~ /memfd/ };
      for my $file ('mem', 'environ', 'auxv') {
        # The file belongs to the memory that the process had when it was opened.
        open my $f, '<', "/proc/$pid/$file" or next; $got{$file}++ if $stage->();
      }
      for my $link ('root', 'cwd', 'ns/mnt') { my $to = readlink "/proc/$pid/$link"; $got{$link}++ if defined $to && $stage->() }
    }
  }
  print "seen $seen\\n"; print "got $_ $got{$_}\\n" for sort keys %got; print "end\\n";`;

/** The product's plan for entering, with time to look before the command is executed. */
function entering(product: Product, container: ContainerSummary, attempt: string): Plan {
  const { init, id } = container;
  assert.ok(init !== undefined);
  const { config } = JSON.parse(readFileSync(product.store(id, 'container.json'), 'utf8')) as { config: oci.Config };
  const folder = path.join(product.folder, attempt);
  mkdirSync(folder);
  const plan = execPlan({
    target: init,
    namespaces: config.linux.namespaces.map(({ type }) => type),
    process: { ...config.process, args: ['/bin/true'], terminal: false },
    identity: config.linux.gidMappings ?? [],
    seccomp: seccompFilter({}, config.process.capabilities),
    monitor: { directory: folder, socket: path.join(product.folder, `${attempt}.s`), outputLimit: 65_536 },
    cgroup: { cloneInto: '', afterClone: [], eventsFile: '' },
    stdin: false,
  });
  return plan.flatMap(
    (step): Plan => (step.kind === 'changeDirectory' ? Array.from({ length: 200 }, () => step) : [step]),
  );
}

async function enterWatched(product: Product, weaken: (plan: Plan) => Plan): Promise<string> {
  const container = await product.up({ args: perl(spy('/tmp/stop')) });
  await until('the spy looks', async () => (await product.logs(container.id)).startsWith('ready'));
  for (let i = 0; i < 40; i++) {
    const attempt = `${container.id}-${i}`;
    const answer = await product.send(weaken(entering(product, container, attempt)));
    assert.equal(answer.status, 'running', `step ${answer.failedStep}, errno ${answer.errno}`);
    await until('it ended', () => existsSync(path.join(product.folder, attempt, 'exit.json')));
  }
  await product.exec(container.id, { args: ['/bin/touch', '/tmp/stop'] });
  return until('the spy ended', async () => {
    const said = await product.logs(container.id);
    return said.endsWith('end\n') && said;
  });
}

test('a process that enters is not to be looked into', async (t) => {
  const product = await Product.start(t);
  const said = await enterWatched(product, (plan) => plan);
  assert.ok(Number(/^seen (\d+)$/m.exec(said)?.[1]) > 0, `the spy saw processes on their way:\n${said}`);
  assert.doesNotMatch(said, /^got /m);

  const weak = await enterWatched(product, (plan) =>
    plan.map((step) => (step.kind === 'setDumpable' ? { ...step, value: 1 } : step)),
  );
  assert.match(weak, /^got /m, `control: seen when it is dumpable:\n${weak}`);
});

/** The product's plan for entering a process of no container, with time to look before the command is executed. */
function enteringForeign(pid: number, folder: string): Plan {
  const identity = processIdentity(pid);
  assert.ok(identity !== undefined);
  const target = readTarget(identity);
  mkdirSync(folder);
  const plan = enterPlan({
    target: identity,
    way: wayInto({
      pid,
      namespaces: target.namespaces,
      here: readNamespaces('self') ?? {},
      users: target.users,
      owners: target.owners,
      privileged: process.getuid?.() === 0,
    }),
    process: { ...baseOfTarget(target, target), args: ['/bin/true'], terminal: false },
    identity: target.gidMappings,
    seccomp: new Uint8Array(),
    monitor: { directory: folder, socket: `${folder}.s`, outputLimit: 65_536 },
    cgroup: { cloneInto: '', afterClone: [] },
    stdin: false,
    terminal: 'target',
  });
  return plan.flatMap(
    (step): Plan => (step.kind === 'changeDirectory' ? Array.from({ length: 200 }, () => step) : [step]),
  );
}

async function enterForeignWatched(t: TestContext, weaken: (plan: Plan) => Plan): Promise<string> {
  const folder = workFolder(t);
  const stop = path.join(folder, 'stop');
  const options = ['--user', '--map-root-user', '--mount-proc', '--pid', '--fork', '--kill-child'];
  const child = spawn('unshare', [...options, ...perl(spy(stop))], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'ready');
  const [pid = 0] = procText(child.pid ?? 0, `task/${child.pid}/children`)
    .split(' ')
    .map(Number);
  for (let i = 0; i < 20; i++) {
    const plan = weaken(enteringForeign(pid, path.join(folder, String(i))));
    const { answer } = await carryOutOnce({ stage, runtime: folder, log: () => undefined }, plan);
    assert.equal(answer.status, 'running', `step ${answer.failedStep}, errno ${answer.errno}`);
    await until('it ended', () => existsSync(path.join(folder, String(i), 'exit.json')));
  }
  writeFileSync(stop, '');
  let said = '';
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) said += `${line.value}\n`;
  return said;
}

test('nor is one that enters a process of no container, which is root over it', async (t) => {
  const said = await enterForeignWatched(t, (plan) => plan);
  assert.ok(Number(/^seen (\d+)$/m.exec(said)?.[1]) > 0, `the spy saw processes on their way:\n${said}`);
  assert.doesNotMatch(said, /^got /m);
  const weak = await enterForeignWatched(t, (plan) =>
    plan.map((step) => (step.kind === 'setDumpable' ? { ...step, value: 1 } : step)),
  );
  assert.match(weak, /^got /m, `control: seen when it is dumpable:\n${weak}`);
});

test('the monitor of what enters stays outside, where the container cannot name it', async (t) => {
  const product = await Product.start(t);
  const container = await product.up({});
  const plan = entering(product, container, 'outside');
  assert.ok(plan.some((step) => step.kind === 'setNamespaces' && step.flags === CLONE_NEWPID));
  const said = await product.exec(container.id, { args: perl(`print getppid, " ", getpgrp, "\\n"`) });
  assert.match(said, /^0 \d+\n$/, 'its parent is in no pid namespace of the container');
});

/** Stops every process that comes to enter, and lets it go on after so many seconds (0: never). */
const stopper = (seconds: number) => `my %passed = map { $_ => 1 } (1, $$);
  print "ready\\n"; $| = 1;
  until (-e '/tmp/stop') {
    opendir my $proc, '/proc'; for my $pid (grep /^\\d+$/ && !$passed{$_}, readdir $proc) {
      open my $c, '<', "/proc/$pid/comm" or next; my $comm = <$c> // ''; close $c;
      next unless $comm =~ /^terrarium/;
      $passed{$pid} = 1; next unless kill 'STOP', $pid;
      if (${seconds}) { sleep ${seconds}; kill 'CONT', $pid }
    }
  }`;

async function enterStopped(product: Product, seconds: number): Promise<{ answer: Answer; took: number }> {
  const container = await product.up({ args: perl(stopper(seconds)) });
  await until('it looks', async () => (await product.logs(container.id)).startsWith('ready'));
  // On a busy machine most pass before they are seen.
  for (let i = 0, end = Date.now() + 60_000; Date.now() < end; i++) {
    const begin = Date.now();
    const answer = await product.send(entering(product, container, `${container.id}-${i}`));
    const took = Date.now() - begin;
    // Else it was stopped too late, as the command, or not seen at all.
    if (took > 1000) return { answer, took };
  }
  throw new Error('nothing was stopped on its way');
}

test('a process that is stopped while it enters is ended, and nobody waits for it for ever', async (t) => {
  const product = await Product.start(t);
  const { answer, took } = await enterStopped(product, 0);
  assert.deepEqual([answer.status, answer.errno], ['failed', constants.errno.ETIMEDOUT]);
  assert.ok(took >= 9_000 && took < 30_000, `${took} ms`);
  await until('the process is gone', () => processes().every((pid) => parentOfAny(pid) !== answer.monitorPid));

  const control = await enterStopped(product, 2);
  assert.equal(control.answer.status, 'running', 'control: it goes on when it is let');
  assert.ok(control.took >= 1_500, `control: it was stopped, ${control.took} ms`);
});

const parentOfAny = (pid: number): number => Number(procText(pid, 'stat').split(') ')[1]?.split(' ')[1]);

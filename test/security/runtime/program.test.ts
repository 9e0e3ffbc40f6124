/** CVE-2019-5736: what runs as ours cannot be overwritten from inside. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { type ContainerSpecification, RunContainer } from '../../../helper/protocol/index.js';
import { busyboxRoot, stage } from '../../kernel/stage/zygote.js';
import { perl } from './perl.js';
import { Product, until, workFolder } from './product.js';

const digest = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/**
 * The exploit: holds a program open for reading, and as soon as nobody executes it (ETXTBSY until then) opens the same
 * file for writing. For each path or PID/exe given it tries for a second; prints `overwrote` when a byte was written.
 */
const overwrite = `use Fcntl; use Time::HiRes 'sleep', 'time';
  for my $path (@ARGV) {
    next unless sysopen my $held, $path, O_RDONLY;
    for (my $end = time + 1; time < $end; sleep 0.01) {
      for my $flags (O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_WRONLY | O_APPEND) {
        next unless sysopen my $writable, "/proc/self/fd/" . fileno($held), $flags;
        if (syswrite $writable, '#!/bin/evil') { print "overwrote\\n"; exit }
        print "opened for writing, refused: $!\\n";
      }
    }
  }
  print "done\\n";`;

test('an init of ours cannot be overwritten, nor the program on disk', async (t) => {
  const product = await Product.start(t);
  const before = digest(stage);
  const zygote = await product.zygotePid();
  for (const capabilities of [{}, { add: ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN', 'CAP_DAC_READ_SEARCH'] }]) {
    for (const specification of [{}, { init: true, args: ['/bin/sleep', '1000'] }]) {
      const { id } = await product.up({ ...specification, capabilities, seccomp: 'unconfined' });
      const said = await product.exec(id, { args: perl(overwrite, '/proc/1/exe', '/proc/self/root/proc/1/exe') });
      assert.match(said, /done\n$/);
      assert.doesNotMatch(said, /overwrote/);
    }
  }
  assert.equal(digest(stage), before, 'the program on disk');
  assert.equal(digest(`/proc/${zygote}/exe`), before, 'the program in memory');

  // Control: a program executed from its file, which the container can reach.
  const folder = workFolder(t);
  const victim = path.join(folder, 'victim');
  copyFileSync('/bin/busybox', victim);
  chmodSync(victim, 0o755);
  const original = digest(victim);
  const { output } = await product.run({
    args: perl(overwrite, '/mnt/victim'),
    mounts: [{ source: folder, destination: '/mnt' }],
  });
  assert.match(output, /overwrote/, 'control');
  assert.notEqual(digest(victim), original, 'control');
});

test('an entry point that is a script for /proc/self/exe runs nothing but our usage', async (t) => {
  const product = await Product.start(t);
  const before = digest(stage);
  const root = busyboxRoot(workFolder(t));
  writeFileSync(path.join(root, 'entry'), '#!/proc/self/exe\n', { mode: 0o755 });
  writeFileSync(path.join(root, 'shell'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
  const specification: ContainerSpecification = { root: { kind: 'directory', path: root }, args: ['/entry'] };
  for (const init of [false, true]) {
    const ended = await product.run({ ...specification, init });
    assert.equal(ended.exitCode, 2, ended.output);
    assert.match(ended.output, /^usage: terrarium-stage /);
  }
  assert.equal(digest(stage), before);
  const control = await product.run({ ...specification, args: ['/shell'] });
  assert.equal(control.output, 'ran\n', 'control: scripts are run');
});

/** Tries to open for writing, and to write, the program of every process that appears; ends when told to. */
const waylay = `use Fcntl; my %own; my ($seen, $opened) = (0, 0);
  until (-e '/tmp/stop') {
    opendir my $proc, '/proc'; for my $pid (grep /^\\d+$/, readdir $proc) {
      next if $pid == $$;
      open my $c, '<', "/proc/$pid/comm" or next; my $comm = <$c> // '';
      $seen++ if $comm =~ /^terrarium/ && $pid != 1;
      for my $flags (O_WRONLY, O_RDWR | O_TRUNC) {
        next unless sysopen my $f, "/proc/$pid/exe", $flags;
        print "overwrote $pid $comm" if syswrite $f, '#!/bin/evil';
      }
    }
  }
  print "seen $seen\\n";`;

test('what enters cannot be overwritten on its way', async (t) => {
  const product = await Product.start(t);
  const before = digest(stage);
  const { summary } = await product.client.sendRequest(RunContainer, { specification: { args: perl(waylay) } });
  for (let i = 0; i < 40; i++) await product.exec(summary.id, { args: ['/bin/true'] });
  await product.exec(summary.id, { args: ['/bin/touch', '/tmp/stop'] });
  const said = await until('the attacker ended', async () => {
    const output = await product.logs(summary.id);
    return /^seen (\d+)$/m.test(output) && output;
  });
  assert.doesNotMatch(said, /overwrote/);
  assert.ok(Number(/^seen (\d+)$/m.exec(said)?.[1]) > 0, 'control: the attacker saw what enters before it executed');
  assert.equal(digest(stage), before);
});

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { readOutput } from './output.js';
import { container, hostFolders, keptCapabilities } from './plan.js';
import {
  assertRunning,
  busyboxRoot,
  children,
  exists,
  lacks,
  type Mapping,
  temporary,
  until,
  Zygote,
} from './zygote.js';

const status = (pid: number): Map<string, string> =>
  new Map(
    readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
const exitRecord = (folder: string): { exitCode: number; signal: number } =>
  JSON.parse(readFileSync(path.join(folder, 'monitor/exit.json'), 'utf8'));
const ended = (folder: string) => (): boolean => existsSync(path.join(folder, 'monitor/exit.json'));

for (const mapping of ['single', 'range'] as const satisfies Mapping[]) {
  const missing = lacks(mapping);
  const options = missing === undefined ? {} : { skip: missing };
  const files = temporary();
  const lower = busyboxRoot(files);
  let zygote: Zygote;
  before(async () => {
    if (missing === undefined) zygote = await Zygote.start(mapping);
  });
  after(async () => {
    await zygote?.stop();
    rmSync(files, { recursive: true });
  });
  const named = (what: string): string => `${mapping}: ${what}`;
  const folderFor = (name: string): string => path.join(zygote.folder, name);

  test(named('a whole container is what its plan says'), options, async () => {
    const folder = folderFor('whole');
    const answer = await zygote.send(container({ folder, lower, mapping }));
    assert.deepEqual([answer.status, answer.errno, answer.failedStep], ['running', 0, undefined]);
    const { pid } = answer;
    assert.equal(Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19]), answer.startTime);
    assert.deepEqual(children(answer.monitorPid), [pid]);

    for (const type of ['user', 'mnt', 'pid', 'uts', 'ipc', 'net', 'cgroup']) {
      assert.notEqual(readlinkSync(`/proc/${pid}/ns/${type}`), readlinkSync(`/proc/self/ns/${type}`), type);
    }
    assert.equal(readlinkSync(`/proc/${pid}/ns/time`), readlinkSync('/proc/self/ns/time'));

    const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' '));
    assert.deepEqual(
      mounts.map((fields) => fields[4]).sort(),
      [
        '/',
        '/proc',
        '/dev',
        '/dev/null',
        '/dev/zero',
        '/dev/pts',
        '/dev/mqueue',
        '/proc/sys',
        '/proc/interrupts',
        '/proc/keys',
        '/proc/tty',
      ].sort(),
      'exactly these, and nothing of the machine',
    );
    assert.ok(mounts.find((fields) => fields[4] === '/proc/sys')?.[5]?.startsWith('ro,'));
    for (const masked of ['interrupts', 'keys']) {
      const { rdev } = statSync(`/proc/${pid}/root/proc/${masked}`);
      assert.equal(rdev, 0x103, `${masked} is the null device`);
    }
    assert.deepEqual(readdirSync(`/proc/${pid}/root/proc/tty`), []);

    const uidMap = readFileSync(`/proc/${pid}/uid_map`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
    assert.equal(uidMap.length, mapping === 'range' ? 2 : 1);
    assert.deepEqual(uidMap[0], ['0', String(process.getuid?.()), '1']);
    assert.equal(readFileSync(`/proc/${pid}/setgroups`, 'utf8').trim(), mapping === 'range' ? 'allow' : 'deny');

    const now = status(pid);
    const kept = keptCapabilities.toString(16).padStart(16, '0');
    for (const set of ['CapBnd', 'CapPrm', 'CapEff']) assert.equal(now.get(set), kept, set);
    for (const set of ['CapInh', 'CapAmb']) assert.equal(now.get(set), '0'.repeat(16), set);
    assert.equal(now.get('Seccomp'), '2');
    assert.equal(now.get('NoNewPrivs'), '1');
    assert.equal(now.get('Umask'), '0027');
    assert.equal(now.get('SigIgn'), '0'.repeat(16), 'what the monitor ignores is not ignored inside');
    assert.equal(now.get('SigBlk'), '0'.repeat(16));
    assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max open files\s+100\s+200/);
    assert.deepEqual(readdirSync(`/proc/${pid}/fd`).sort(), ['0', '1', '2']);
    assert.equal(readlinkSync(`/proc/${pid}/fd/0`), '/dev/null');
    assert.equal(readFileSync(`/proc/${pid}/environ`, 'utf8'), 'PATH=/bin\0INSIDE=yes\0');
    assert.equal(readlinkSync(`/proc/${pid}/cwd`), '/');

    process.kill(pid, 'SIGKILL');
    await until('the monitor ended', () => !exists(answer.monitorPid));
    assert.deepEqual([exitRecord(folder).exitCode, exitRecord(folder).signal], [137, 9]);
    assert.equal(existsSync(path.join(folder, 'attach')), false);
  });

  test(named('the exit status is kept'), options, async () => {
    const folder = folderFor('exit');
    const answer = await zygote.send(container({ folder, lower, mapping, args: ['/bin/sh', '-c', 'exit 7'] }));
    assertRunning(answer);
    await until('it ended', ended(folder));
    assert.equal(exitRecord(folder).exitCode, 7);
  });

  test(named('below our init a command is not PID 1, and its status is kept'), options, async () => {
    const folder = folderFor('supervised');
    const args = ['/bin/sh', '-c', 'echo $$; test $$ != 1 && exit 9'];
    const answer = await zygote.send(container({ folder, lower, mapping, args, supervise: true }));
    assertRunning(answer);
    await until('it ended', ended(folder));
    assert.equal(exitRecord(folder).exitCode, 9);
    assert.match(readOutput(path.join(folder, 'monitor')), /^[2-9]/);
  });

  test(named('an init of ours stays, with nothing open, until it is told to end'), options, async () => {
    const folder = folderFor('stay');
    const answer = await zygote.send(container({ folder, lower, mapping, stay: true }));
    assertRunning(answer);
    await until('it can be looked at', () => status(answer.pid).get('SigCgt') !== undefined);
    assert.deepEqual(readdirSync(`/proc/${answer.pid}/fd`).sort(), ['0', '1', '2']);
    assert.equal(readlinkSync(`/proc/${answer.pid}/exe`).startsWith('/memfd:'), true);
    process.kill(answer.pid, 'SIGTERM');
    await until('it ended', ended(folder));
    assert.equal(exitRecord(folder).exitCode, 0);
  });

  test(named('a terminal of the container itself'), options, async () => {
    const folder = folderFor('terminal');
    const args = ['/bin/sh', '-c', 'tty; stty size; cat /proc/self/stat'];
    const answer = await zygote.send(container({ folder, lower, mapping, args, terminal: true }));
    assertRunning(answer);
    await until('it ended', ended(folder));
    const output = readOutput(path.join(folder, 'monitor'));
    assert.match(output, /^\/dev\/pts\/0\r\n/);
    // Field 7 is the controlling terminal: device 136:0.
    const fields = /\d+ \(cat\) (.*)/.exec(output)?.[1]?.split(' ') ?? [];
    assert.equal(Number(fields[4]), 136 << 8, output);
  });

  test(named('writes land in the upper layer, not in the folders of the machine below'), options, async () => {
    // Above 255 bytes fsconfig(2) takes no value.
    const folder = path.join(zygote.folder, 'long'.repeat(50), 'host');
    const args = ['/bin/sh', '-c', 'echo $(cat /etc/passwd | head -n 1) > /usr/terrarium-was-here'];
    const early = [...hostFolders(folder), { kind: 'makeDirectory', path: '/usr/made', mode: 0o711 } as const];
    const steps = container({ folder, lower, mapping, args, early });
    // The path of a socket has 107 bytes.
    const socket = path.join(zygote.folder, 'attach');
    const answer = await zygote.send(steps.map((step) => (step.kind === 'monitor' ? { ...step, socket } : step)));
    assertRunning(answer);
    await until('it ended', ended(folder));
    assert.equal(exitRecord(folder).exitCode, 0, readOutput(path.join(folder, 'monitor')));
    const written = path.join(folder, 'usr-upper/terrarium-was-here');
    assert.equal(readFileSync(written, 'utf8').trim(), readFileSync('/etc/passwd', 'utf8').split('\n')[0]);
    assert.equal(statSync(written).mode & 0o777, 0o640);
    assert.equal(statSync(path.join(folder, 'usr-upper/made')).mode & 0o777, 0o711);
    assert.equal(existsSync('/usr/terrarium-was-here'), false);
  });
}

test(
  'with a range, another user than root owns its streams',
  lacks('range') === undefined ? {} : { skip: lacks('range') },
  async () => {
    const zygote = await Zygote.start('range');
    try {
      const folder = path.join(zygote.folder, 'user');
      const args = ['/bin/sh', '-c', 'id -u; echo again > /proc/self/fd/1'];
      const answer = await zygote.send(
        container({ folder, lower: busyboxRoot(zygote.folder), mapping: 'range', args, uid: 33 }),
      );
      assert.equal(
        answer.status,
        'running',
        JSON.stringify(answer.records.at(-1), (_, v) => String(v)),
      );
      await until('it ended', ended(folder));
      assert.equal(readOutput(path.join(folder, 'monitor')), '33\nagain\n');
    } finally {
      await zygote.stop();
    }
  },
);

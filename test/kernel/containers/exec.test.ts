import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Attached, readToEnd } from '../support/attached.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { parentOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();
const { ErrorCode } = protocol;

test('without a command: the shell of the user, found in the root', async () => {
  const { id } = await bed.up();
  const { args, attach } = await bed.helper.request(protocol.ExecInContainer, {
    container: id,
    process: { stdin: true },
  });
  assert.deepEqual(args, ['/bin/sh']);
  const { stdout, exitCode } = await readToEnd(attach, 'echo $0 $((6 * 7)); exit 9\n');
  assert.deepEqual([stdout, exitCode], ['/bin/sh 42\n', 9]);
});

test('environment, working folder and exit codes', async () => {
  const { id } = await bed.up({ env: ['COLOR=green', 'SIZE=1'] });
  const env = await bed.exec(id, 'echo $COLOR $SIZE $HOME; pwd', { env: ['SIZE=2'], cwd: '/etc' });
  assert.equal(env.stdout, 'green 2 /root\n/etc\n');
  assert.equal((await bed.exec(id, 'exit 255')).exitCode, 255);
  assert.equal((await bed.exec(id, 'env')).stdout.includes('XDG_'), false, 'nothing of the host’s');
  const input = await bed.helper.request(protocol.ExecInContainer, {
    container: id,
    process: { args: ['cat'], stdin: true },
  });
  assert.equal((await readToEnd(input.attach, 'through\n')).stdout, 'through\n');
  const none = await bed.helper.request(protocol.ExecInContainer, { container: id, process: { args: ['cat'] } });
  assert.deepEqual(await readToEnd(none.attach), { stdout: '', stderr: '', exitCode: 0 });
});

test('a command that is not there, or cannot be executed: told apart', async () => {
  const { id } = await bed.up();
  const run = (...args: string[]) => bed.helper.request(protocol.ExecInContainer, { container: id, process: { args } });
  await fails(run('nosuch'), {
    code: ErrorCode.StepFailed,
    message: /nosuch/,
    fix: /command/,
    data: { step: 'execute', errno: 'ENOENT' },
  });
  await fails(run('/etc/passwd'), {
    code: ErrorCode.StepFailed,
    message: /passwd/,
    fix: /chmod/,
    data: { step: 'execute', errno: 'EACCES' },
  });
  await fails(bed.exec(id, 'true', { cwd: '/no/such' }), {
    code: ErrorCode.StepFailed,
    message: /no\/such/,
    data: { step: 'changeDirectory' },
  });
  const left = async () => (await bed.helper.request(protocol.ListProcesses, { container: id })).length - 1;
  await eventually('that nothing is left of them', async () => (await left()) === 0);
});

test('what enters is a child of its own monitor, not of the helper', async () => {
  const { id } = await bed.up();
  const { identity } = await bed.helper.request(protocol.ExecInContainer, {
    container: id,
    process: { args: ['sleep', '60'] },
  });
  const monitor = parentOf(identity.pid);
  assert.notEqual(monitor, bed.helper.child.pid);
  assert.notEqual(parentOf(monitor), bed.helper.child.pid);
});

/** A shell with a terminal in a container that stays up. */
async function terminal(): Promise<Attached> {
  const { id } = await bed.up();
  const process = { args: ['/bin/sh'], terminal: true, consoleSize: { height: 30, width: 100 }, env: ['PS1=# '] };
  const { attach } = await bed.helper.request(protocol.ExecInContainer, { container: id, process });
  const shell = await Attached.to(attach);
  await shell.shows(/# /);
  return shell;
}

test('a terminal of the container’s own, of the size that was asked for, that follows', async () => {
  const shell = await terminal();
  await shell.type('tty; stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all\n');
  await shell.shows(/\/dev\/pts\/\d+\r\n30 100\r\nall\r\n/);
  await shell.resize(50, 132);
  await shell.type('stty size\n');
  await shell.shows(/50 132\r\n/);
  await shell.type('exit 4\n');
  assert.equal((await shell.end()).exitCode, 4);
});

test('job control: Ctrl-C ends the command, Ctrl-Z stops it, Ctrl-D ends the shell', async () => {
  const shell = await terminal();
  // The marks are computed, for what is typed is echoed; keys are typed when the shell, or the command, reads.
  const line = async (typed: string, until: RegExp) => {
    await shell.type(typed);
    return shell.shows(until);
  };
  // The mark comes from the job itself: before it is in the foreground the keys would be for the shell, which ignores them.
  const job = (number: number) => `sh -c 'echo go$((${number}+1)); exec sleep 600'`;
  await line(`${job(1)}\n`, /go2\r\n/);
  await line('\x03', /\^C\r\n[\s\S]*# /);
  await line('echo status $((100 + $?))\n', /status 230\r\n[\s\S]*# /);
  await line(`${job(2)}\n`, /go3\r\n/);
  await line('\x1a', /Stopped[\s\S]*# /);
  await line('jobs; kill -KILL %1; wait; echo gone$((1+1))\n', /Stopped +sh -c[\s\S]*gone2\r\n[\s\S]*# /);
  // A shell that still sees its job refuses to go at first.
  const leaving = setInterval(() => void shell.type('\x04').catch(() => clearInterval(leaving)), 300);
  try {
    await shell.end();
  } finally {
    clearInterval(leaving);
  }
});

test('a terminal as the container’s own command; a second client sees it too', async () => {
  const { summary, attach } = await bed.helper.request(protocol.RunContainer, {
    specification: { root: bed.root, args: ['/bin/sh'], terminal: true, env: ['PS1=# '] },
  });
  const first = await Attached.to(attach);
  await first.shows(/# /);
  await first.type('tty; echo once$((1+1))\n');
  await first.shows(/\/dev\/pts\/0\r\nonce2/);
  first.leave();
  const again = await bed.helper.request(protocol.AttachContainer, { container: summary.id });
  const second = await Attached.to(again, { replay: 65536 });
  await second.shows(/once2/);
  await second.type('exit 6\n');
  assert.equal((await second.end()).exitCode, 6);
});

test('a paused container is not entered', async () => {
  const { id } = await bed.up();
  const { cgroup } = await bed.helper.request(protocol.InspectContainer, { container: id });
  await bed.helper.request(protocol.PauseContainer, { container: id });
  if (cgroup !== undefined)
    await fails(bed.exec(id, 'true'), { code: ErrorCode.WrongState, message: /paused/, fix: /Resume/ });
  await bed.helper.request(protocol.ResumeContainer, { container: id });
  assert.equal((await bed.exec(id, 'true')).exitCode, 0);
});

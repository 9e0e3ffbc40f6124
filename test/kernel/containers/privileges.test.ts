import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defaultCapabilities } from '../../../helper/security/capabilities.js';
import { Bed } from '../support/bed.js';
import { mountsOf, statusField } from '../support/kernel.js';

const bed = new Bed();

/** Numbers of capabilities, from linux/capability.h. */
const numbers = { CAP_CHOWN: 0, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21 };
const has = (set: string, name: keyof typeof numbers) => ((BigInt(`0x${set}`) >> BigInt(numbers[name])) & 1n) === 1n;

test('the default set of capabilities, and nothing to inherit', async () => {
  const { pid } = await bed.up();
  const bounding = statusField(pid, 'CapBnd');
  assert.equal(statusField(pid, 'CapEff'), bounding);
  assert.equal(statusField(pid, 'CapPrm'), bounding);
  assert.equal(BigInt(`0x${statusField(pid, 'CapInh')}`), 0n);
  assert.equal(BigInt(`0x${statusField(pid, 'CapAmb')}`), 0n);
  const bits = [...BigInt(`0x${bounding}`).toString(2)].filter((bit) => bit === '1').length;
  assert.equal(bits, defaultCapabilities.length);
  assert.ok(has(bounding, 'CAP_CHOWN'));
  assert.ok(!has(bounding, 'CAP_SYS_ADMIN') && !has(bounding, 'CAP_NET_RAW'));
});

test('capabilities dropped and added are what the kernel holds, and enforces', async () => {
  const { id, pid } = await bed.up({ capabilities: { drop: ['CAP_CHOWN'], add: ['CAP_NET_RAW'] } });
  const bounding = statusField(pid, 'CapBnd');
  assert.ok(!has(bounding, 'CAP_CHOWN') && has(bounding, 'CAP_NET_RAW'));
  const attempt = 'touch /tmp/f; chown 0:10 /tmp/f';
  const { stderr, exitCode } = await bed.exec(id, attempt);
  assert.notEqual(exitCode, 0);
  // Where only one id is mapped there is none to give it to, whoever asks.
  const usual = await bed.exec((await bed.up()).id, attempt);
  const isMapped = !/Invalid argument/.test(usual.stderr);
  assert.equal(usual.exitCode === 0, isMapped, usual.stderr);
  assert.match(stderr, isMapped ? /Operation not permitted/ : /Invalid argument/);
  // One that entered has the same.
  assert.match((await bed.exec(id, 'grep CapBnd /proc/self/status')).stdout, new RegExp(bounding));
});

test('no new privileges and the filter: on by default, off when asked', async () => {
  const usual = await bed.up();
  assert.deepEqual([statusField(usual.pid, 'NoNewPrivs'), statusField(usual.pid, 'Seccomp')], ['1', '2']);
  const open = await bed.up({ noNewPrivileges: false, seccomp: 'unconfined' });
  assert.deepEqual([statusField(open.pid, 'NoNewPrivs'), statusField(open.pid, 'Seccomp')], ['0', '0']);
  const filtered = await bed.up({ noNewPrivileges: false });
  assert.deepEqual([statusField(filtered.pid, 'NoNewPrivs'), statusField(filtered.pid, 'Seccomp')], ['0', '2']);
});

test('a blocked call fails, and does not without the filter', async () => {
  const { id } = await bed.up();
  const refused = await bed.exec(id, 'unshare -U true');
  assert.match(refused.stderr, /Operation not permitted/);
  assert.notEqual(refused.exitCode, 0);
  const open = await bed.up({ seccomp: 'unconfined' });
  assert.equal((await bed.exec(open.id, 'unshare -U true')).exitCode, 0);
});

test('user namespaces inside: refused by the filter, let through when asked for, or counted by the kernel', async () => {
  const attempt = 'unshare -U true';
  const usual = await bed.up();
  assert.match((await bed.exec(usual.id, attempt)).stderr, /Operation not permitted/);
  const nested = await bed.up({ nestedNamespaces: true });
  assert.equal(statusField(nested.pid, 'Seccomp'), '2');
  assert.equal((await bed.exec(nested.id, 'unshare -Urm mount -t tmpfs none /tmp')).exitCode, 0);
  const none = await bed.up({ nestedNamespaces: false, seccomp: 'unconfined' });
  const { stderr, stdout } = await bed.exec(none.id, `cat /proc/sys/user/max_user_namespaces; ${attempt}`);
  assert.equal(stdout, '0\n');
  // ENOSPC is what the kernel says when the count is reached: user_namespaces(7).
  assert.match(stderr, /No space left on device/);
});

test('a filter of one’s own blocks what it names', async () => {
  const seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
  } as const;
  const { stderr } = await bed.helper.runToEnd(
    bed.script('mkdir /made', {
      seccomp: { ...seccomp, syscalls: seccomp.syscalls.map((rule) => ({ ...rule, names: [...rule.names] })) },
    }),
  );
  assert.match(stderr, /No space left on device/);
});

test('masked paths are empty, read-only paths refuse', async () => {
  const { id, pid } = await bed.up();
  const { stdout } = await bed.exec(
    id,
    'cat /proc/kcore | head -c 1 | wc -c; cat /proc/keys | wc -c; ls /sys/firmware | wc -l',
  );
  assert.equal(stdout, '0\n0\n0\n');
  const write = await bed.exec(id, 'echo 1 > /proc/sys/kernel/domainname');
  assert.equal(write.stderr.match(/Read-only file system/g)?.length, 1, write.stderr);
  const mounts = mountsOf(pid);
  for (const destination of ['/proc/sys', '/proc/bus', '/sys']) {
    assert.ok(mounts.findLast((mount) => mount.destination === destination)?.options.includes('ro'), destination);
  }
  const own = await bed.shell('cat /etc/passwd | wc -c; echo x > /etc/group', {
    maskedPaths: ['/etc/passwd', '/nowhere'],
    readonlyPaths: [],
  });
  assert.equal(own, '0\n');
});

test('resource limits of the process', async () => {
  const { pid, id } = await bed.up({ rlimits: [{ type: 'RLIMIT_NOFILE', soft: 64, hard: 128 }] });
  assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max open files +64 +128 /m);
  assert.equal((await bed.exec(id, 'ulimit -Sn; ulimit -Hn')).stdout, '64\n128\n');
});

test('sysctl and the OOM score are set', async () => {
  const { id, pid } = await bed.up({ sysctl: { 'net.ipv4.ip_unprivileged_port_start': '80' }, oomScoreAdj: 500 });
  assert.equal((await bed.exec(id, 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).stdout, '80\n');
  assert.equal(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'), '500\n');
});

test('only 0, 1 and 2 are open inside, whatever this process has open', async () => {
  assert.equal(await bed.shell('ls /proc/self/fd | wc -l'), '4\n', 'those, and the folder that ls reads');
});

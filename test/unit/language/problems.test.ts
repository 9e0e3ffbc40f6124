import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exampleSpecification } from '../../../extension/specification/example.js';
import { readText } from '../../../helper/language/document.js';
import type { Facts } from '../../../helper/language/facts.js';
import { findProblems, readSpecification } from '../../../helper/language/problems.js';
import { ErrorCode, terrariumError } from '../../../helper/protocol/index.js';
import { factsWith, place } from './sample.js';

/** Each problem as `severity underlined text: message`. */
function problemsOf(text: string, facts: Facts = factsWith()): string[] {
  const document = readText(text);
  return findProblems(document, readSpecification(document, place), facts).map(
    ({ severity, span, message }) => `${severity} ${text.slice(span.start, span.end)}: ${message}`,
  );
}

/** That there is exactly one, which begins like this. */
function assertOne(text: string, beginning: string, facts?: Facts): void {
  const problems = problemsOf(text, facts);
  assert.equal(problems.length, 1, problems.join('\n'));
  assert.ok(problems[0]?.startsWith(beginning), problems[0]);
}

describe('problems of a specification', () => {
  it('are none in the example', () => assert.deepEqual(problemsOf(exampleSpecification('demo')), []));

  it('are underlined where they are written: a value, the name of a field, the name of a list', () => {
    assertOne('{ "oomScoreAdj": 5000 }', 'error 5000: ');
    assertOne('{ "nmae": "x" }', 'error "nmae": There is no field "nmae" here');
    assertOne('{ "args": "sh" }', 'error "sh": Invalid input: expected array');
    assertOne('{ "mounts": [ { "destination": "/a" }, { "source": "/b" } ] }', 'error {: Invalid input', factsWith());
    assertOne('{ "resources": { "unified": { "../x": "1" } } }', 'error "../x": the name of a cgroup v2 file');
  });

  it('of a choice tell of the alternative that was meant', () => {
    assertOne('{ "root": { "kind": "imge" } }', 'error "imge": ');
    assertOne('{ "root": { "kind": "image", "nam": "debian", "name": "debian" } }', 'error "nam": There is no field');
    assertOne('{ "seccomp": { "defaultAction": "ALLOW" } }', 'error "ALLOW": ');
    assertOne('{ "seccomp": "off" }', 'error "off": ');
    assertOne(
      '{ "seccomp": { "defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_MIPS", "x86_64"] } }',
      'warning "x86_64": There is no architecture',
    );
  });

  it('are found in sound fields beside broken ones', () => {
    const problems = problemsOf('{ "terminal": 1, "user": "nobody-such" }');
    assert.deepEqual(
      problems.map((problem) => problem.split(':')[0]),
      ['error 1', 'error "nobody-such"'],
    );
  });

  it('name what is not on this machine', () => {
    const missing = terrariumError(ErrorCode.NotFound, 'There is no image "alpine"', { fix: 'Import it.' });
    const facts = factsWith({ root: { kind: 'refused', error: missing } });
    assertOne('{ "root": { "kind": "image", "name": "alpine" } }', 'error "alpine": There is no image "alpine"', facts);
    assertOne('{ "network": { "kind": "container", "container": "web" } }', 'error "web": There is no container');
    assertOne('{ "network": { "kind": "container", "container": "old" } }', 'warning "old": old is not running');
    assert.deepEqual(problemsOf('{ "network": { "kind": "container", "container": "db" } }'), []);
    assertOne('{ "network": { "kind": "bridge", "network": "lab" } }', 'error "lab": There is no network');
    assert.deepEqual(problemsOf('{ "network": { "kind": "bridge", "network": "outbound" } }'), [], 'it is made');
    assertOne('{ "name": "db" }', 'warning "db": There is a container of that name');
  });

  it('tell of sources of mounts by the path they stand for', () => {
    const sources = new Map([
      ['/home/person/project/data', false],
      ['/home/person/.ssh', true],
    ]);
    const mount = (source: string, more = '') =>
      `{ "mounts": [{ "destination": "/x", "source": "${source}"${more} }] }`;
    assertOne(mount('data'), 'error "data": There is nothing at /home/person/project/data', factsWith({ sources }));
    assert.deepEqual(problemsOf(mount('data', ', "options": ["nofail"]'), factsWith({ sources })), []);
    assert.deepEqual(problemsOf(mount('~/.ssh'), factsWith({ sources })), []);
  });

  it('take a relative root folder as the launch does', () => {
    assert.deepEqual(problemsOf('{ "root": { "kind": "directory", "path": "rootfs" } }'), []);
  });

  it('look users up in the root, and in the maps of ids', () => {
    assertOne('{ "user": "nobody-such" }', 'error "nobody-such": There is no user');
    assertOne('{ "user": "web:nope" }', 'error "web:nope": There is no group');
    assertOne('{ "user": "far" }', 'error "far": User 70000 does not exist in the container');
    assert.deepEqual(problemsOf('{ "user": "web" }'), []);
    const facts = factsWith({ image: { env: [], args: [], user: 'ghost' } });
    assertOne('{ "root": { "kind": "image", "name": "debian" } }', 'error "debian": There is no user "ghost"', facts);
  });

  it('know capabilities', () => {
    assertOne('{ "capabilities": { "add": ["CAP_NET_RAW", "CAP_NET_ROW"] } }', 'error "CAP_NET_ROW": There is no');
    assertOne('{ "capabilities": { "add": ["CAP_CHOWN"] } }', 'information "CAP_CHOWN": It is there by default');
    assertOne('{ "capabilities": { "drop": ["CAP_BPF"] } }', 'information "CAP_BPF": It is not there by default');
    const both = problemsOf('{ "capabilities": { "add": ["CAP_BPF"], "drop": ["CAP_BPF"] } }');
    assert.match(both.join('\n'), /^error "drop": Both added and dropped: CAP_BPF/m);
  });

  it('hold limits against what a kernel takes', () => {
    assertOne('{ "resources": { "memory": { "limit": 1000 } } }', 'error 1000: 1000 is no value for memory.max');
    assertOne(
      '{ "resources": { "memory": { "limit": 10485760, "swap": 1048576 } } }',
      'error 1048576: memory.swap (1048576) is less than memory.limit',
    );
    assertOne('{ "resources": { "cpu": { "quota": 10 } } }', 'error 10: ');
    assertOne('{ "resources": { "unified": { "cgroup.procs": "1" } } }', 'error "1": unified["cgroup.procs"]');
    assertOne('{ "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": 9, "hard": 8 }] }', 'error {: the soft limit is above');
  });

  it('know system calls and whole profiles', () => {
    const rule = (names: string, more = '') =>
      `{ "seccomp": { "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": [${names}], "action": "SCMP_ACT_ERRNO"${more} }] } }`;
    assert.deepEqual(problemsOf(rule('"mkdir"')), []);
    assertOne(rule('"mkdir", "mkdri"'), 'warning "mkdri": Neither x86-64 nor arm64 has a system call');
  });

  it('know pods, and what is theirs to say', () => {
    assert.deepEqual(problemsOf('{ "pod": "web", "namespaces": { "ipc": "host" } }'), []);
    assertOne('{ "pod": "nowhere" }', 'error "nowhere": There is no pod "nowhere"');
    assertOne('{ "pod": "web", "hostname": "a" }', 'error "web": In the pod web a container cannot choose hostname');
  });

  it('say what belongs to the machine, and what another field makes idle', () => {
    assertOne('{ "sysctl": { "vm.swappiness": "1" } }', 'error "1": vm.swappiness is a setting of the whole machine');
    assert.deepEqual(problemsOf('{ "sysctl": { "net.ipv4.ip_forward": "1" } }'), []);
    assertOne(
      '{ "network": { "kind": "host" }, "sysctl": { "net.ipv4.ip_forward": "1" } }',
      'error "1": net.ipv4.ip_forward is a setting of a network namespace that is not',
    );
    assertOne(
      '{ "hostname": "a", "namespaces": {"uts": "host"} }',
      'information "a": This machine’s host name is shared',
    );
    assertOne('{ "mounts": [{ "destination": "/a" }, { "destination": "/a" }] }', 'warning "/a": Hidden by a later');
  });

  it('let no clock run below zero', () => {
    const at = (secs: number) => `{ "timeOffsets": { "boottime": { "secs": ${secs}, "nanosecs": 0 } } }`;
    assert.deepEqual(problemsOf(at(-900)), []);
    assertOne(at(-1100), 'error -1100: The clock would run below zero: this machine is up for 1000 s');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { grammarSchema } from '../../../helper/language/completion.js';
import { readText, writtenAt } from '../../../helper/language/document.js';
import type { Facts } from '../../../helper/language/facts.js';
import { fieldMeanings } from '../../../helper/language/fields.js';
import { bytesText, hoverText } from '../../../helper/language/hover.js';
import { readSpecification } from '../../../helper/language/problems.js';
import { factsWith, place } from './sample.js';

/** What is said where `|` stands. */
function hover(marked: string, facts: Facts = factsWith()): string | undefined {
  const document = readText(marked.replace('|', ''));
  const written = writtenAt(document, marked.indexOf('|'));
  return written && hoverText(written, readSpecification(document, place).specification, facts);
}

describe('hovers of a specification', () => {
  it('say what a field means, where OCI has it, and what counts without it', () => {
    const text = hover('{ "no|NewPrivileges": false }') ?? '';
    assert.match(text, /^No program can gain privileges/);
    assert.match(text, /OCI: \[`process\.noNewPrivileges`\]\(https:\/\/github\.com\/opencontainers\/runtime-spec/);
    assert.match(text, /Default: true$/);
  });

  it('say what a number becomes', () => {
    assert.match(hover('{ "resources": { "memory": { "limit": 1048|57600 } } }') ?? '', /100 MiB/);
    assert.match(hover('{ "resources": { "cpu": { "quo|ta": 50000 } } }') ?? '', /0\.5 cores/);
    assert.match(hover('{ "resources": { "cpu": { "quota": 50000, "period": 20|0000 } } }') ?? '', /0\.25 cores/);
    assert.match(hover('{ "resources": { "cpu": { "shares": 10|24 } } }') ?? '', /cpu\.weight 100 /);
    assert.match(hover('{ "timeOffsets": { "boottime": { "secs": -9|0000, "nanosecs": 0 } } }') ?? '', /by 1 d 1 h/);
  });

  it('say what a word allows', () => {
    const text = hover('{ "capabilities": { "add": ["CAP_NET|_RAW"] } }') ?? '';
    assert.match(text, /raw and packet sockets.*Not in the default set/);
    assert.match(hover('{ "namespaces": { "pid": "ho|st" } }') ?? '', /may signal yours/);
    assert.match(
      hover('{ "mounts": [{ "destination": "/a", "options": ["si|ze=5m"] }] }') ?? '',
      /At most so many bytes/,
    );
    assert.match(
      hover('{ "seccomp": { "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mou|nt"] }] } }') ?? '',
      /165 on x86-64/,
    );
  });

  it('say who a user is, inside and outside', () => {
    const text = hover('{ "user": "we|b" }') ?? '';
    assert.match(text, /uid 33 inside, 100032 outside; gid 33, groups 44; home `\/var\/www`/);
    assert.doesNotMatch(hover('{ "user": "gho|st" }') ?? '', /inside,/);
  });

  it('say what is added: capabilities that are kept, options of a mount', () => {
    const kept = hover('{ "capab|ilities": { "add": ["CAP_NET_RAW"], "drop": ["CAP_CHOWN"] } }') ?? '';
    assert.match(kept, /Root inside keeps: CAP_DAC_OVERRIDE,.*CAP_NET_RAW/);
    const mount = hover('{ "mounts": [{ "destination": "/a", "source": "da|ta", "options": ["ro"] }] }') ?? '';
    assert.match(mount, /Mounted as bind from `\/home\/person\/project\/data`, options `ro,nosuid,nodev,rbind`/);
  });

  it('show what files and images name as it is, without a meaning to Markdown', () => {
    const facts = factsWith({ images: [{ name: 'x', digest: '`![](http://x)\n', sizeBytes: 1 }] });
    const text = hover('{ "root": { "kind": "image", "name": "|x" } }', facts) ?? '';
    assert.match(text, /`ˋ!\[\]\(http:\/\/x\)�`/);
  });

  it('say nothing between values, and of fields that there are not', () => {
    assert.equal(hover('{ | "name": "x" }'), undefined);
    assert.equal(hover('{ "na|me2": "x" }'), undefined);
    assert.equal(hover('// com|ment\n{}'), undefined);
  });

  it('know every field of the grammar, and no other', () => {
    const fields = Object.keys(grammarSchema().properties ?? {}).filter((field) => field !== '$schema');
    const known = new Set(Object.keys(fieldMeanings).map((pattern) => pattern.split(/[.[]/)[0]));
    assert.deepEqual([...known].sort(), fields.sort());
  });

  it('write bytes in units of 1024', () => {
    assert.deepEqual([0, 1023, 1024, 1536, 5 * 2 ** 30].map(bytesText), [
      '0 bytes',
      '1023 bytes',
      '1 KiB',
      '1.5 KiB',
      '5 GiB',
    ]);
  });
});

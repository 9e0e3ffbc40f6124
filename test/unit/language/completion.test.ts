import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { Completer } from '../../../helper/language/completer.js';
import { callText } from '../../../helper/language/completion.js';
import type { Facts } from '../../../helper/language/facts.js';
import { checkSpecification } from '../../../helper/specification/schema.js';
import { factsWith } from './sample.js';

/** Completes where `|` stands: labels, and the text with one of them taken. */
async function complete(marked: string, facts: Facts = factsWith()) {
  const text = marked.replace('|', '');
  const document = TextDocument.create('file:///project/web.terrarium.json', 'jsonc', 1, text);
  const list = await new Completer().complete(document, document.positionAt(marked.indexOf('|')), facts);
  const items = list?.items ?? [];
  return {
    labels: items.map(({ label }) => label.replaceAll('"', '')),
    documentation: (label: string) => items.find((item) => item.label.replaceAll('"', '') === label)?.documentation,
    take: (label: string) => {
      const edit = items.find((item) => item.label.replaceAll('"', '') === label)?.textEdit;
      assert.ok(edit !== undefined && 'range' in edit, `no ${label}`);
      return TextDocument.applyEdits(document, [edit]);
    },
  };
}

describe('completion in a specification', () => {
  it('offers the fields that are not there yet, with what they mean', async () => {
    const { labels, documentation } = await complete('{ "name": "x", | }');
    assert.ok(labels.includes('mounts') && labels.includes('seccomp'));
    assert.ok(!labels.includes('name'));
    assert.equal(documentation('hostname'), 'Default: the name');
  });

  it('offers each thing once', async () => {
    for (const marked of ['{ | }', '{ "root": | }', '{ "capabilities": { "add": [|] } }', '{ "seccomp": | }']) {
      const { labels } = await complete(marked);
      assert.ok(labels.length > 1, marked);
      assert.equal(new Set(labels).size, labels.length, `${marked}: ${labels}`);
    }
  });

  it('offers the images of this machine', async () => {
    const { labels, take } = await complete('{ "root": { "kind": "image", "name": "|" } }');
    assert.deepEqual(labels, ['debian']);
    assert.equal(take('debian'), '{ "root": { "kind": "image", "name": "debian" } }');
  });

  it('offers containers whose network can be joined, and users of the root', async () => {
    assert.deepEqual((await complete('{ "network": { "kind": "container", "container": "|" } }')).labels, [
      'db',
      'old',
    ]);
    const { labels } = await complete('{ "network": { "kind": "bridge", "network": "|" } }');
    assert.deepEqual(labels, ['backend', 'outbound']);
    assert.deepEqual((await complete('{ "user": "|" }')).labels, ['root', 'web', 'far']);
  });

  it('offers to add capabilities that are not there, and to drop those that are; none twice', async () => {
    const add = await complete('{ "capabilities": { "add": ["CAP_BPF", "|"] } }');
    assert.ok(add.labels.includes('CAP_NET_RAW'));
    assert.ok(!add.labels.includes('CAP_CHOWN') && !add.labels.includes('CAP_BPF'));
    assert.match(String(add.documentation('CAP_NET_RAW')), /packets/);
    const drop = await complete('{ "capabilities": { "drop": [|] } }');
    assert.equal(drop.labels.length, 11);
    assert.equal(drop.take('CAP_KILL'), '{ "capabilities": { "drop": ["CAP_KILL"] } }');
  });

  it('offers types and options of mounts, system calls, namespaces, files of cgroups, settings', async () => {
    assert.deepEqual((await complete('{ "mounts": [{ "type": | }] }')).labels, ['bind', 'tmpfs', 'volume']);
    assert.ok((await complete('{ "mounts": [{ "options": ["ro", |] }] }')).labels.includes('noexec'));
    assert.ok((await complete('{ "seccomp": { "syscalls": [{ "names": ["|"] }] } }')).labels.includes('mkdirat'));
    assert.deepEqual((await complete('{ "namespaces": { "uts": | } }')).labels, ['new', 'host']);
    assert.ok((await complete('{ "resources": { "unified": { | } } }')).labels.includes('memory.high'));
    assert.ok((await complete('{ "sysctl": { "|" } }')).labels.includes('net.core.somaxconn'));
  });

  it('offers the environment of the image', async () => {
    const facts = factsWith({ image: { env: ['NGINX=1.2'], args: ['nginx', '-g'] } });
    const { take } = await complete('{ "env": ["A=b", |] }', facts);
    assert.equal(take('NGINX=1.2'), '{ "env": ["A=b", "NGINX=1.2"] }');
  });

  it('asks nobody for the schema that a file names', async () => {
    const { labels } = await complete('{ "$schema": "http://127.0.0.1:1/schema.json", "writable": | }');
    assert.deepEqual(labels, ['overlay', 'tmpfs', 'none']);
  });

  it('offers choices that the grammar takes', async () => {
    for (const [field, marked] of [
      ['writable', '{ "writable": | }'],
      ['seccomp', '{ "seccomp": { "defaultAction": | } }'],
      ['rlimits', '{ "rlimits": [{ "type": |, "soft": 1, "hard": 1 }] }'],
    ] as const) {
      const { labels, take } = await complete(marked);
      assert.ok(labels.length >= 3, field);
      for (const label of labels) assert.ok(checkSpecification(JSON.parse(take(label))).success, `${field}: ${label}`);
    }
  });

  it('knows the numbers of system calls', () => {
    assert.equal(callText('mkdir'), 'System call 83 on x86-64');
    assert.equal(callText('mkdirat'), 'System call 258 on x86-64, 34 on arm64');
    assert.equal(callText('constructor'), 'No system call of x86-64 or arm64');
  });
});

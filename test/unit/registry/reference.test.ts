import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImageName } from '../../../helper/image/reference.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { apiHost, formatReference, isLoopback, parseReference } from '../../../helper/registry/reference.js';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

test("a reference has Docker's defaults, and in full is the same reference", () => {
  const full: [string, string][] = [
    ['debian', 'docker.io/library/debian:latest'],
    ['debian:12', 'docker.io/library/debian:12'],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/debian', 'docker.io/library/debian:latest'],
    ['index.docker.io/team/app', 'docker.io/team/app:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:1', 'localhost:5000/app:1'],
    ['registry.example/a/b/c__d-e.f', 'registry.example/a/b/c__d-e.f:latest'],
    ['Registry/app', 'Registry/app:latest'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    [`debian@${digest}`, `docker.io/library/debian@${digest}`],
    [`host:5000/app:1@${digest}`, `host:5000/app:1@${digest}`],
  ];
  for (const [text, expected] of full) {
    assert.equal(formatReference(parseReference(text)), expected, text);
    assert.equal(formatReference(parseReference(expected)), expected, expected);
  }
});

test('in full it can name an image of the store', () => {
  for (const text of ['debian', 'host:5000/team/app:1.2_3', `ghcr.example/a-b/c.d@${digest}`]) {
    checkImageName(formatReference(parseReference(text)));
  }
});

test('what is no reference is refused with what is wrong', () => {
  const wrong: [string, RegExp][] = [
    ['', /repository/],
    ['https://docker.io/debian', /leave out https/],
    ['docker://debian', /leave out docker/],
    ['Debian', /small letters/],
    ['debian:', /tag/],
    ['debian:a b', /tag/],
    [`debian:${'a'.repeat(129)}`, /tag/],
    ['debian@sha256:abc', /64 hexadecimal/],
    [`debian@sha256:../${'a'.repeat(61)}`, /64 hexadecimal/],
    [`debian@sha512:${'a'.repeat(128)}`, /64 hexadecimal/],
    [`debian@${digest}@${digest}`, /more than one @/],
    ['registry.example/', /repository/],
    ['registry.example/../app', /repository/],
    ['registry.example/a//b', /repository/],
    ['user:password@registry.example/app', /64 hexadecimal/],
    ['host:port/app', /not a host/],
    ['-host.example/app', /not a host/],
    ['registry.example/app?x=y', /repository/],
    ['registry.example/app\nX-Header: y', /tag/],
    [`registry.example/${'a'.repeat(250)}`, /too long/],
  ];
  for (const [text, message] of wrong) {
    assert.throws(() => parseReference(text), { code: ErrorCode.Invalid, message }, JSON.stringify(text));
  }
});

test('only this machine is loopback', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.8.7', '[::1]']) assert.ok(isLoopback(host), host);
  for (const host of ['127.0.0.1.example', 'localhost.example', '128.0.0.1', '10.0.0.1', '[::2]', '127.1']) {
    assert.ok(!isLoopback(host), host);
  }
});

test('Docker Hub answers at another host than its name', () => {
  assert.equal(apiHost('docker.io'), 'registry-1.docker.io');
  assert.equal(apiHost('quay.io'), 'quay.io');
});

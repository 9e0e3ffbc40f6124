import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { checkRealm } from '../../../helper/registry/authorizer.js';
import { checkLink } from '../../../helper/registry/session.js';

test('a token server may be elsewhere, over https', () => {
  assert.equal(
    checkRealm('https://auth.docker.io/token', 'https://registry-1.docker.io').href,
    'https://auth.docker.io/token',
  );
  assert.equal(checkRealm('https://auth.example/', 'http://localhost:5000').host, 'auth.example');
});

test('without encryption only on the host of a registry that has none itself', () => {
  assert.equal(checkRealm('http://localhost:5001/token', 'http://localhost:5000').port, '5001');
  const refused: [string | undefined, string][] = [
    ['http://registry.example/token', 'https://registry.example'],
    ['http://127.0.0.1:5001/token', 'https://registry.example'],
    ['http://127.0.0.2:5001/token', 'http://127.0.0.1:5000'],
    ['http://auth.example/token', 'http://localhost:5000'],
    ['http://localhost.evil.example/', 'http://localhost:5000'],
  ];
  for (const [realm, origin] of refused) {
    assert.throws(
      () => checkRealm(realm, origin),
      { code: ErrorCode.Unavailable, message: /without encryption/ },
      realm,
    );
  }
});

test('what is no address of a token server is refused', () => {
  for (const realm of [undefined, '', 'Registry Realm', '/token', 'file:///etc/passwd', 'ftp://x/', 'https://']) {
    assert.throws(() => checkRealm(realm, 'https://registry.example'), { code: ErrorCode.Unavailable }, realm);
  }
  assert.throws(() => checkRealm('https://user:pass@auth.example/', 'https://registry.example'), /not asked/);
});

test('links are followed from https to https, and from http', () => {
  const https = new URL('https://registry.example/v2/a/blobs/x');
  assert.equal(checkLink('/v2/b?c=d', https).href, 'https://registry.example/v2/b?c=d');
  assert.equal(checkLink('https://storage.example/x?signature=y', https).host, 'storage.example');
  assert.equal(checkLink('http://10.0.0.2/x', new URL('http://10.0.0.1:5000/v2/')).host, '10.0.0.2');
});

test('other links are not', () => {
  const https = new URL('https://registry.example/v2/a/blobs/x');
  const refused: [string | undefined, URL, RegExp][] = [
    [undefined, https, /leads nowhere/],
    ['https://[', https, /leads nowhere/],
    ['http://registry.example/x', https, /not followed/],
    ['file:///etc/passwd', https, /not followed/],
    ['file:///etc/passwd', new URL('http://localhost:5000/'), /not followed/],
    ['https://127.0.0.1:8443/', https, /not followed/],
    ['https://2130706433/', https, /not followed/],
    ['http://localhost:8080/admin', new URL('http://10.0.0.1:5000/'), /not followed/],
    ['https://a:b@storage.example/', https, /not followed/],
  ];
  for (const [location, from, message] of refused) {
    assert.throws(() => checkLink(location, from), { code: ErrorCode.Unavailable, message }, location);
  }
});

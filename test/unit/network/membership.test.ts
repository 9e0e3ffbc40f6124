import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hostsText } from '../../../helper/network/hosts.js';
import { allot } from '../../../helper/network/membership.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

const network = (addresses: Record<string, string>, subnet = '10.120.0.0/29') => ({
  version: 1 as const,
  name: 'backend',
  createdAt: '2026-01-01T00:00:00.000Z',
  subnet,
  outbound: 'none' as const,
  hostLoopback: false,
  addresses,
});
const all = new Set(['a', 'b', 'c', 'd', 'e', 'f']);

describe('addresses in a network', () => {
  test('a container keeps what it had; a new one gets the lowest that is free', () => {
    const had = { a: '10.120.0.4', b: '10.120.0.2' };
    assert.deepEqual(allot(network(had), { id: 'a' }, undefined, all), had);
    assert.deepEqual(allot(network(had), { id: 'c' }, undefined, all), { ...had, c: '10.120.0.3' });
  });

  test('what containers had that are no more is free again', () => {
    assert.deepEqual(allot(network({ gone: '10.120.0.2' }), { id: 'a' }, undefined, all), { a: '10.120.0.2' });
  });

  test('one that is asked for is had, unless it is another’s or none of the network', () => {
    const had = { a: '10.120.0.2', b: '10.120.0.3' };
    assert.deepEqual(allot(network(had), { id: 'a' }, '10.120.0.6', all), { b: '10.120.0.3', a: '10.120.0.6' });
    for (const address of ['10.120.0.3', '10.120.0.1', '10.120.0.0', '10.120.0.7', '10.120.1.2', '::1']) {
      assert.throws(() => allot(network(had), { id: 'a' }, address, all), { code: ErrorCode.Invalid }, address);
    }
  });

  test('when all are taken, that is said', () => {
    const full = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((id, index) => [id, `10.120.0.${index + 2}`]));
    assert.throws(() => allot(network(full), { id: 'f' }, undefined, all), { code: ErrorCode.WrongState });
  });
});

test('a hosts file has each container by its names, once', () => {
  const text = hostsText('backend', [
    { address: '10.120.0.2', names: ['web', 'web'] },
    { address: '10.120.0.3', names: ['db', 'database.example'] },
  ]);
  assert.match(text, /^127\.0\.0\.1\tlocalhost$/m);
  assert.match(text, /^10\.120\.0\.2\tweb$/m);
  assert.match(text, /^10\.120\.0\.3\tdb database\.example$/m);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findUser } from '../../../helper/inspect/user.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

const passwd = `root:x:0:0:root:/root:/bin/bash
# a comment
+::::::
alice:x:1000:1000:Alice,,,:/home/alice:/bin/zsh
1234:x:4321:4321::/home/digits:/bin/sh
huge:x:4294967296:0::/:/bin/sh
minus:x:-1:0::/:/bin/sh
nohome:x:7:8::relative:
short:x:9
twin:x:1000:1001::/home/twin:/bin/sh`;
const group = `root:x:0:
wheel:x:10:alice,root
video:x:44:bob, alice
audio:x:29:alice
alice:x:1000:alice
staff:x:50:
wrap:x:4294967306:alice`;
const database = { passwd, group };
const find = (user: string) => findUser(user, database);

test('names and ids', () => {
  assert.deepEqual(find('alice'), {
    uid: 1000,
    gid: 1000,
    additionalGids: [10, 29],
    home: '/home/alice',
    name: 'alice',
    shell: '/bin/zsh',
  });
  assert.deepEqual(find('1000'), find('alice'));
  assert.deepEqual(find('root').additionalGids, [10]);
  assert.deepEqual(find('12345'), { uid: 12345, gid: 0, additionalGids: [], home: '/' });
  assert.deepEqual(find('2147483647').uid, 2147483647);
  assert.deepEqual(find('007').uid, 7);
});

test('a group that is given takes the place of all others', () => {
  assert.deepEqual(
    ['alice:staff', 'alice:77', '5:6', '5:audio']
      .map(find)
      .map(({ uid, gid, additionalGids }) => [uid, gid, additionalGids]),
    [
      [1000, 50, []],
      [1000, 77, []],
      [5, 6, []],
      [5, 29, []],
    ],
  );
});

test('a name made of digits is an id', () => {
  assert.equal(find('1234').uid, 1234);
  assert.equal(find('1234').name, undefined);
});

test('nothing wraps around to root', () => {
  for (const id of [
    '-1',
    '+0',
    '2147483648',
    '4294967295',
    '4294967296',
    '18446744073709551616',
    '99999999999999999999',
  ]) {
    assert.throws(() => find(id), { code: ErrorCode.Invalid }, id);
    assert.throws(() => find(`0:${id}`), { code: ErrorCode.Invalid }, `0:${id}`);
  }
  for (const name of ['huge', 'minus', 'short']) {
    assert.throws(() => find(name), { code: ErrorCode.NotFound }, name);
  }
});

test('what is no user is refused', () => {
  for (const user of ['', ':', ':0', '0:', 'a:b:c', 'al ice', 'alice\n', 'a\0b', '../root', '-alice', '+']) {
    assert.throws(() => find(user), { code: ErrorCode.Invalid }, JSON.stringify(user));
  }
  for (const user of ['bob', '#', 'alice:nobody', '0x0', '1e3', '١']) {
    assert.throws(() => find(user), { code: ErrorCode.NotFound }, user);
  }
  assert.throws(() => findUser('root', { passwd: '', group: '' }), { code: ErrorCode.NotFound, message: /root/ });
});

test('a relative home is not used', () => {
  assert.deepEqual(find('nohome'), { uid: 7, gid: 8, additionalGids: [], home: '/', name: 'nohome' });
});

test('a megabyte of groups takes no time, and more than the kernel takes is refused', () => {
  const many = Array.from({ length: 70_000 }, (_, index) => `g${index}:x:${index + 1}:alice`).join('\n');
  const long = `wheel:x:10:${'x'.repeat(1024 * 1024)},alice`;
  const start = performance.now();
  assert.throws(() => findUser('alice', { passwd, group: many }), { code: ErrorCode.BadInput });
  assert.deepEqual(findUser('alice', { passwd, group: long }).additionalGids, [10]);
  assert.ok(performance.now() - start < 2000);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decideIdentity, findRange, mapArgument, nestedMap } from '../../../helper/zygote/identity.js';

describe('/etc/subuid', () => {
  test('grants by name or by number, the first line that fits', () => {
    const text = 'other:1:2\nme:100000:65536\nme:200000:65536\n1500:300000:65536\n';
    assert.deepEqual(findRange(text, 'me', 1500), { start: 100_000, count: 65_536 });
    assert.deepEqual(findRange('1500:300000:65536', 'me', 1500), { start: 300_000, count: 65_536 });
    assert.equal(findRange(text, 'nobody', 65_534), undefined);
  });

  test('lines that are damaged or grant nothing are passed over', () => {
    const lines = [
      'me',
      'me:',
      'me:1',
      'me:x:5',
      'me:-1:5',
      '#me:1:5',
      'me:1:5:6',
      'me:10:0',
      'me:0:10',
      ' me:1:5',
      '',
    ];
    assert.equal(findRange(lines.join('\n'), 'me', 1500), undefined);
    assert.deepEqual(findRange([...lines, 'me:7:8 '].join('\n'), 'me', 1500), { start: 7, count: 8 });
  });

  test('a name is not a pattern, nor the start of another', () => {
    assert.equal(findRange('me2:1:5\nxme:1:5', 'me', 1500), undefined);
    assert.equal(findRange('abc:1:5', 'a.c', 1500), undefined);
  });

  test('ids end where the kernel’s do', () => {
    assert.equal(findRange('me:4294967295:1', 'me', 1500), undefined);
    assert.deepEqual(findRange('me:4294967294:1', 'me', 1500), { start: 4_294_967_294, count: 1 });
  });
});

describe('the identity', () => {
  const range = { start: 100_000, count: 1000 };

  test('is a range only with both files and both programs', () => {
    const ids = { uid: 1500, gid: 1600 };
    const whole = decideIdentity(ids, { uids: range, gids: { start: 5, count: 6 }, mapTools: true });
    assert.equal(whole.mapping, 'range');
    assert.deepEqual(whole.uidMappings, [
      { containerID: 0, hostID: 1500, size: 1 },
      { containerID: 1, hostID: 100_000, size: 1000 },
    ]);
    assert.deepEqual(whole.gidMappings, [
      { containerID: 0, hostID: 1600, size: 1 },
      { containerID: 1, hostID: 5, size: 6 },
    ]);
    assert.match(whole.explanation, /users 1 to 1000 inside are 100000 to 100999 outside/);
    const cases = [
      [{ uids: range, mapTools: true }, /\/etc\/subuid and \/etc\/subgid grant this user no range/],
      [{ gids: range, mapTools: true }, /grant this user no range/],
      [{ uids: range, gids: range, mapTools: false }, /newuidmap and newgidmap/],
    ] as const;
    for (const [ranges, explanation] of cases) {
      const single = decideIdentity(ids, ranges);
      assert.equal(single.mapping, 'single');
      assert.deepEqual(single.uidMappings, [{ containerID: 0, hostID: 1500, size: 1 }]);
      assert.match(single.explanation, explanation);
    }
  });

  test('is written for newuidmap, and again for namespaces nested in it', () => {
    const { uidMappings } = decideIdentity({ uid: 9, gid: 9 }, { uids: range, gids: range, mapTools: true });
    assert.equal(mapArgument(uidMappings), '0 9 1,1 100000 1000');
    // One extent per extent of the parent: one that crosses a border is refused (EPERM).
    assert.equal(nestedMap(uidMappings), '0 0 1\n1 1 1000\n');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type HostFacts, judgeHostAccess, protectedPlaces } from '../../../extension/specification/hostAccess.js';

const links: Record<string, string> = { '/work/link': '/home/me/.ssh', '/work/data': '/srv/data', '/var/run': '/run' };
let profileVersion = 1;
const facts: HostFacts = {
  folder: '/work',
  home: '/home/me',
  protected: protectedPlaces('/home/me', '/run/user/1000', '/home/me/.local/share'),
  readValue: async (path) => ({ defaultAction: 'SCMP_ACT_ALLOW', comment: `${profileVersion} of ${path}` }),
  realpath: async (path) => {
    if (path.includes('missing')) return undefined;
    const link = Object.keys(links).find((name) => path === name || path.startsWith(`${name}/`));
    return link === undefined ? path : `${links[link] ?? ''}${path.slice(link.length)}`;
  },
};
const judge = (value: unknown, text = JSON.stringify(value)) => judgeHostAccess(text, value, facts);

describe('judgeHostAccess', () => {
  it('asks nothing of a file that stays inside', async () => {
    for (const value of [
      {},
      { root: { kind: 'host' }, args: ['sh'] },
      { root: { kind: 'image', name: 'a' }, mounts: [{ destination: '/t', type: 'tmpfs' }] },
      { network: { kind: 'none' }, namespaces: {}, capabilities: { add: [], drop: ['CAP_KILL'] }, seccomp: 'default' },
    ]) {
      const { items, refused } = await judge(value);
      assert.deepEqual({ items, refused }, { items: [], refused: [] });
    }
  });

  it('shows what of its filter is not the default, puts a profile in the place of its file, and asks again when that changes', async () => {
    assert.deepEqual((await judge({ seccomp: { notify: true } })).items, []);
    const allowed = await judge({ seccomp: { profile: 'default', allow: ['mount'] } });
    assert.equal(allowed.items[0], 'System calls that its filter would refuse: mount');
    const named = { seccomp: { profile: 'strict.seccomp.json', notify: true } };
    const first = await judge(named);
    assert.deepEqual(first.items.slice(0, 2), [
      '/work/strict.seccomp.json, to read, as its system call filter',
      'A system call filter of its own, not the default',
    ]);
    assert.deepEqual(first.specification.seccomp, {
      profile: { defaultAction: 'SCMP_ACT_ALLOW', comment: '1 of /work/strict.seccomp.json' },
      notify: true,
    });
    profileVersion = 2;
    assert.notEqual((await judge(named)).key, first.key);
    const key = await judge({ seccomp: { profile: '/work/link/id_rsa' } });
    assert.equal(key.refused.length, 1, 'not even read');
    assert.deepEqual(key.specification.seccomp, { profile: '/work/link/id_rsa' });
  });

  it('shows bind mounts with what may be done there, and that the host root comes with them', async () => {
    const { items, specification } = await judge({
      mounts: [
        { destination: '/a', source: 'src', options: ['ro'] },
        { destination: '/b', source: '/srv/b', type: 'bind', options: ['ro', 'rw'] },
        { destination: '/c', source: '/srv/c', type: 'anything but tmpfs' },
      ],
    });
    assert.deepEqual(items.slice(0, 3), [
      '/work/src, to read, as /a',
      '/srv/b, to read and write, as /b',
      '/srv/c, to read and write, as /c',
    ]);
    assert.match(items[3] ?? '', /own files/);
    assert.deepEqual(
      (specification.mounts as { source: string }[]).map(({ source }) => source),
      ['/work/src', '/srv/b', '/srv/c'],
    );
  });

  it('shows volumes, which may be those of others, by their name', async () => {
    const { items, specification } = await judge({
      root: { kind: 'image' },
      mounts: [
        { destination: '/a', source: 'data', type: 'volume' },
        { destination: '/b', source: 'data', type: 'volume', options: ['rro'] },
      ],
    });
    assert.match(items[0] ?? '', /^The volume data, .*to read and write, as \/a$/);
    assert.match(items[1] ?? '', /^The volume data, .*to read, as \/b$/);
    assert.equal((specification.mounts as { source: string }[])[0]?.source, 'data', 'no folder of that name');
  });

  it('judges and mounts where a link really leads', async () => {
    const { items, specification, refused } = await judge({
      root: { kind: 'image' },
      mounts: [{ destination: '/d', source: './data/x' }],
    });
    assert.deepEqual(items, ['/work/data/x (really /srv/data/x), to read and write, as /d']);
    assert.deepEqual(specification.mounts, [{ destination: '/d', source: '/srv/data/x' }]);
    assert.deepEqual(refused, []);
  });

  it('judges what is to be shown of the host', async () => {
    const { items, specification } = await judge({ root: { kind: 'host', show: ['~/work', 'data'], hide: ['/opt'] } });
    assert.deepEqual(items.slice(0, 2), [
      '/home/me/work, to read, with this machine’s own files',
      '/work/data (really /srv/data), to read, with this machine’s own files',
    ]);
    assert.deepEqual(specification.root, { kind: 'host', show: ['/home/me/work', '/srv/data'], hide: ['/opt'] });
  });

  const forbidden: [string, string][] = [
    ['~/.ssh', 'keys'],
    ['~/.ssh/id_ed25519', 'a key'],
    ['./link', 'a link to the keys'],
    ['~', 'the home folder that holds the keys'],
    ['/', 'everything'],
    ['/var/run/docker.sock', "another engine's socket behind a link"],
    ['/run/user/1000/bus', 'the session bus'],
    ['~/.local/share/terrarium/images', 'our own state'],
    ['/work/../home/me/.ssh', 'the keys by ..'],
  ];
  for (const [source, what] of forbidden) {
    it(`refuses ${what}: ${source}`, async () => {
      assert.equal((await judge({ mounts: [{ destination: '/x', source }] })).refused.length > 0, true);
      assert.equal((await judge({ root: { kind: 'directory', path: source } })).refused.length > 0, true);
      assert.equal((await judge({ root: { kind: 'host', show: [source] } })).refused.length > 0, true);
    });
  }

  it('does not take a name that only begins alike for the place', async () => {
    const { refused } = await judge({ mounts: [{ destination: '/x', source: '/home/me/.sshfoo' }] });
    assert.deepEqual(refused, []);
  });

  it('shows shared namespaces and weakened isolation', async () => {
    const { items } = await judge({
      root: { kind: 'image' },
      namespaces: { pid: 'host', ipc: 'host' },
      network: { kind: 'host' },
      chroot: true,
      seccomp: 'unconfined',
      noNewPrivileges: false,
      capabilities: { add: ['CAP_SYS_ADMIN'] },
      maskedPaths: [],
      readonlyPaths: [],
    });
    const wanted = [
      /pid namespace/,
      /ipc namespace/,
      /network/,
      /chroot/,
      /call filter/,
      /privileges/,
      /CAP_SYS_ADMIN/,
    ];
    for (const pattern of [...wanted, /hidden/, /read-only/]) {
      assert.equal(items.filter((item) => pattern.test(item)).length, 1, String(pattern));
    }
  });

  it('keeps agreement apart by text and by where links lead', async () => {
    const value = { mounts: [{ destination: '/d', source: './data' }] };
    const first = (await judge(value)).key;
    assert.equal((await judge(value)).key, first);
    assert.notEqual((await judge(value, `${JSON.stringify(value)} `)).key, first);
    links['/work/data'] = '/srv/other';
    assert.notEqual((await judge(value)).key, first);
    links['/work/data'] = '/srv/data';
  });

  it('refuses a shape it does not understand instead of passing over it', async () => {
    for (const value of [
      [],
      null,
      'text',
      { mounts: { destination: '/x' } },
      { mounts: [{ source: '/x' }] },
      { mounts: [{ destination: '/x', source: ['/etc'] }] },
      { root: { kind: 'other', path: '/' } },
      { root: '/' },
      { namespaces: 'pid' },
      { noNewPrivileges: 'no' },
    ]) {
      await assert.rejects(judge(value), Error, JSON.stringify(value));
    }
  });
});

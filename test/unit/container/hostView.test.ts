import assert from 'node:assert/strict';
import * as path from 'node:path';
import { describe, test } from 'node:test';
import { decideHostRoot, type HostEntry, type HostReader } from '../../../helper/container/hostRoot.js';
import { type HostFacts, hostView, layeredPaths, nearestRule } from '../../../helper/container/hostView.js';

const facts: HostFacts = {
  data: '/home/me/.local/share/terrarium',
  runtime: '/run/user/1000/terrarium',
  home: { path: '/home/me', isOwn: true },
  otherHomes: ['/home/you', '/root'],
  mountPoints: ['/', '/proc'],
};
const folder = (name: string): HostEntry => ({ name, kind: 'folder', mode: 0o755 });

/** Folders are those that have entries; what has none, and is not listed, is empty. */
function tree(paths: readonly string[]): HostReader {
  const list = (parent: string) => {
    const below = paths.filter((one) => one.startsWith(parent === '/' ? '/' : `${parent}/`));
    const rest = below.map((one) => one.slice(parent === '/' ? 1 : parent.length + 1));
    const names = [...new Set(rest.map((one) => one.split('/')[0] ?? ''))].filter((name) => name !== '');
    return names.map((name) =>
      name.includes('.') && !rest.some((one) => one.startsWith(`${name}/`))
        ? ({ name, kind: 'file' } as const)
        : folder(name),
    );
  };
  return {
    list,
    isEmpty: (folder) => list(folder).length === 0,
    look: (file) => list(path.dirname(file)).find(({ name }) => name === path.basename(file)),
  };
}

function partsOf(paths: readonly string[], choices = {}, more: Partial<HostFacts> = {}): string[] {
  const all = { ...facts, ...more };
  return decideHostRoot(hostView(all, choices), all.mountPoints, tree(paths)).map(
    ({ kind, name }) => `${kind} ${name}`,
  );
}

const seen = (file: string, choices = {}, more: Partial<HostFacts> = {}) =>
  nearestRule(hostView({ ...facts, ...more }, choices), file)?.seen ?? true;

describe('by default', () => {
  test('the system is seen, and what is private is not', () => {
    for (const file of ['/etc', '/usr/bin', '/opt/x', '/var/lib/dpkg']) assert.ok(seen(file), file);
    for (const file of ['/home/me', '/root', '/run/docker.sock', '/tmp/x', '/var/tmp', '/var/lib/docker/overlay2'])
      assert.ok(!seen(file), file);
  });

  test('each part becomes what can be mounted', () => {
    const list = (parent: string): HostEntry[] =>
      parent === '/'
        ? [{ name: 'bin', kind: 'link', target: 'usr/bin' }, ...['etc', 'usr', 'home', 'srv', 'opt'].map(folder)]
        : ['/etc', '/usr', '/opt', '/home'].includes(parent)
          ? [folder('x')]
          : [];
    const parts = decideHostRoot(hostView(facts), ['/', '/usr/share', '/optional', '/home/u', '/etc'], {
      list,
      isEmpty: (at) => list(at).length === 0,
      look: () => undefined,
    });
    assert.deepEqual(parts, [
      { name: 'bin', kind: 'link', target: 'usr/bin' },
      { name: 'etc', kind: 'overlay' },
      // Something is mounted below it: an overlay would be refused.
      { name: 'usr', kind: 'bind' },
      // Whatever is in it, it is nobody's business.
      { name: 'home', kind: 'empty', mode: 0o755 },
      { name: 'srv', kind: 'empty', mode: 0o755 },
      { name: 'opt', kind: 'overlay' },
    ]);
  });

  test('a folder with our data below it is taken apart, and so is one with a home', () => {
    const paths = ['/srv/data/terrarium/images', '/srv/data/other/x', '/srv/me/x', '/srv/www/x'];
    const elsewhere = { data: '/srv/data/terrarium', home: { path: '/srv/me', isOwn: true } };
    assert.deepEqual(partsOf(paths, {}, elsewhere), [
      'empty srv',
      'empty srv/data',
      'empty srv/data/terrarium',
      'overlay srv/data/other',
      'empty srv/me',
      'overlay srv/www',
    ]);
  });

  test('so is one with our data in a part of it that is hidden, of which nothing is told', () => {
    const paths = ['/var/tmp/mine/data/images', '/var/lib/x'];
    assert.deepEqual(partsOf(paths, {}, { data: '/var/tmp/mine/data' }), [
      'empty var',
      'empty var/tmp',
      'overlay var/lib',
    ]);
  });

  test('a home that is a folder of the system stays', () => {
    assert.ok(seen('/usr/sbin', {}, { home: { path: '/usr/sbin', isOwn: false } }));
    assert.ok(seen('/usr', {}, { home: { path: '/', isOwn: true } }));
  });

  test('homes of services make no difference to the system', () => {
    assert.ok(seen('/var/lib/service', {}, { otherHomes: ['/var/lib/service'] }));
  });

  test('what a layer over the system hides is said', () => {
    assert.ok(layeredPaths(hostView(facts)).includes('/var/tmp'));
    assert.ok(!layeredPaths(hostView(facts)).includes('/home'));
  });
});

describe('what is chosen', () => {
  const home = ['/home/me/work/a', '/home/me/.ssh/id', '/home/me/notes.txt', '/home/you/x', '/etc/x'];

  test('to be shown is seen, and nothing beside it', () => {
    assert.deepEqual(partsOf(home, { show: ['/home/me/work'] }), [
      'empty home',
      'empty home/me',
      'overlay home/me/work',
      'overlay etc',
    ]);
    assert.deepEqual(partsOf(home, { show: ['/home/me/notes.txt'] }), [
      'empty home',
      'empty home/me',
      'bind home/me/notes.txt',
      'overlay etc',
    ]);
  });

  test('keys stay hidden with a home, unless they are named themselves', () => {
    const parts = partsOf(home, { show: ['/home/me'] });
    assert.deepEqual(parts, [
      'empty home',
      'empty home/me',
      'overlay home/me/work',
      'empty home/me/.ssh',
      'bind home/me/notes.txt',
      'overlay etc',
    ]);
    assert.ok(partsOf(home, { show: ['/home/me', '/home/me/.ssh'] }).includes('overlay home/me/.ssh'));
    assert.ok(seen('/home/me/.config/git', { show: ['/home/me'] }));
    assert.ok(!seen('/home/me/.config/gcloud/token', { show: ['/home/me'] }));
  });

  test('our own state, other engines and homes of others can never be shown, nor be reached through what is', () => {
    const refused = [
      '/',
      '/run',
      '/run/docker.sock',
      '/run/user/1000/terrarium',
      '/proc/1',
      '/dev',
      '/var/lib/docker',
      '/var/lib/containers/storage',
      '/home/me/.local/share/terrarium/images',
      '/home/me/.local/share/containers',
      '/home/you',
      '/home/you/.ssh',
      '/root',
    ];
    for (const file of refused) assert.throws(() => hostView(facts, { show: [file] }), /cannot be shown/, file);
    for (const choice of ['/home', '/home/me', '/home/me/.local', '/home/me/.local/share']) {
      assert.ok(!seen('/home/me/.local/share/terrarium/x', { show: [choice] }), choice);
      assert.ok(!seen('/home/me/.local/share/containers', { show: [choice] }), choice);
    }
    assert.ok(!seen('/home/you/x', { show: ['/home'] }));
    assert.ok(seen('/home/me/x', { show: ['/home'] }));
  });

  test('of hidden folders of the system is seen, without the layer that hides them', () => {
    const view = hostView(facts, { show: ['/var/tmp'] });
    assert.ok(!layeredPaths(view).includes('/var/tmp'));
    const paths = ['/var/tmp/build/x', '/var/tmp/other/x', '/var/lib/dpkg/x'];
    assert.deepEqual(partsOf(paths, { show: ['/var/tmp'] }), ['overlay var']);
    assert.deepEqual(partsOf(paths, { show: ['/var/tmp/build'] }), [
      'empty var',
      'empty var/tmp',
      'overlay var/tmp/build',
      'overlay var/lib',
    ]);
  });

  test('to be hidden is, by the layer where it can be', () => {
    const paths = ['/etc/x', '/etc/secret/y', '/opt/x', '/usr/share/x/y', '/usr/lib/x'];
    assert.deepEqual(partsOf(paths, { hide: ['/etc/secret', '/opt'] }), ['overlay etc', 'empty opt', 'overlay usr']);
    assert.ok(layeredPaths(hostView(facts, { hide: ['/etc/secret'] })).includes('/etc/secret'));
    // Something is mounted in it: no overlay, so no layer.
    const mounted = { mountPoints: ['/', '/usr/lib/x'] };
    assert.deepEqual(partsOf(paths, { hide: ['/usr/share/x'] }, mounted), [
      'overlay etc',
      'overlay opt',
      'empty usr',
      'empty usr/share',
      'empty usr/share/x',
      'bind usr/lib',
    ]);
  });

  test('is found behind folders that cannot be listed', () => {
    const host = tree(['/home/me/work/a', '/home/me/other']);
    const isClosed = (at: string) => at.startsWith('/home') && at !== '/home/me/work';
    const closed: HostReader = {
      ...host,
      list: (at) => (isClosed(at) ? undefined : host.list(at)),
      isEmpty: (at) => (isClosed(at) ? undefined : host.isEmpty(at)),
    };
    const parts = decideHostRoot(hostView(facts, { show: ['/home/me/work'] }), facts.mountPoints, closed);
    assert.deepEqual(parts.at(-1), { name: 'home/me/work', kind: 'overlay' });
  });

  test('to be hidden within what is shown is', () => {
    const parts = partsOf([...home, '/home/me/work/.env'], { show: ['/home/me/work'], hide: ['/home/me/work/.env'] });
    assert.deepEqual(parts, [
      'empty home',
      'empty home/me',
      'empty home/me/work',
      'empty home/me/work/a',
      'overlay etc',
    ]);
  });

  test('to be hidden although it is, changes nothing', () => {
    const outline = (choices = {}) => hostView(facts, choices).map((rule) => [rule.path, rule.seen]);
    assert.deepEqual(outline({ hide: ['/home/me', '/tmp', '/run'] }), outline());
    assert.throws(() => hostView(facts, { hide: ['/opt'], show: ['/opt'] }), /hidden and shown at once/);
  });
});

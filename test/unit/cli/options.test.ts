import assert from 'node:assert/strict';
import * as path from 'node:path';
import { describe, test } from 'node:test';
import { InvalidArgumentError } from 'commander';
import { parseExtras, parseList } from '../../../cli/building.js';
import {
  collect,
  collectNamespace,
  collectPath,
  parseBytes,
  parseMount,
  parseNetwork,
  parsePort,
  parsePositive,
  parseRoot,
  parseSeconds,
  parseTmpfs,
  specificationOf,
} from '../../../cli/options.js';
import type { NamespaceChoices } from '../../../helper/protocol/index.js';
import { knobOf } from '../../../helper/protocol/knobs.js';
import { parseValue } from '../../../helper/protocol/notation.js';
import { parseSpecification } from '../../../helper/specification/schema.js';

const refused = (work: () => unknown, text: string) => assert.throws(work, InvalidArgumentError, text);

describe('sizes', () => {
  test('M alone is binary, MB decimal, MiB binary', () => {
    const sizes = {
      '0': 0,
      '4096': 4096,
      '512B': 512,
      '100M': 100 * 1024 ** 2,
      '100MiB': 100 * 1024 ** 2,
      '100MB': 100_000_000,
      '100mb': 100_000_000,
      '1.5G': 1.5 * 1024 ** 3,
      '2 TiB': 2 * 1024 ** 4,
      '64k': 65_536,
    };
    for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseBytes(text), bytes, text);
  });

  test('mean the same here and in the form of the editor', () => {
    for (const unit of ['', 'b', 'k', 'kb', 'kib', 'M', 'MB', 'MiB', 'g', 'Gb', 'GIB', 't', 'TB', 'TiB']) {
      for (const number of ['8192', '16384.5']) {
        const text = `${number}${unit}`;
        const form = parseValue(knobOf('memory.max'), text);
        if (form.ok) assert.equal(String(parseBytes(text)), form.value, text);
      }
    }
  });

  test('are refused when they are none', () => {
    for (const text of ['', 'M', '-1M', '1X', '1MiBB', '1e3', 'Infinity', '1,5G', '0x10', '99999999T', '1 2']) {
      refused(() => parseBytes(text), text);
    }
  });
});

describe('arguments of options', () => {
  test('numbers above 0', () => {
    assert.equal(parsePositive('0.5'), 0.5);
    for (const text of ['0', '-1', 'x', '', 'Infinity', 'NaN']) refused(() => parsePositive(text), text);
  });

  test('what to hide and to show is for the host alone', () => {
    const choices = { hide: collectPath('/opt'), show: collectPath('/b', collectPath('a')) };
    assert.deepEqual(specificationOf({ root: 'host', ...choices }, []).root, {
      kind: 'host',
      hide: ['/opt'],
      show: [path.resolve('a'), '/b'],
    });
    assert.deepEqual(specificationOf({ root: 'host' }, []).root, { kind: 'host' });
    refused(() => specificationOf({ root: 'debian', hide: ['/opt'] }, []), 'an image');
  });

  test('lists have commas between them', () => {
    assert.deepEqual(parseList('a,b,', parseList('c')), ['c', 'a', 'b']);
    assert.deepEqual(parseExtras('locale,terminfo'), ['locale', 'terminfo']);
    refused(() => parseExtras('locale,fonts'), 'no extra');
  });

  test('a root is the host, an image or a folder', () => {
    assert.deepEqual(parseRoot('host'), { kind: 'host' });
    assert.deepEqual(parseRoot('busybox'), { kind: 'image', name: 'busybox' });
    assert.deepEqual(parseRoot('/srv/root'), { kind: 'directory', path: '/srv/root' });
    assert.deepEqual(parseRoot('./root'), { kind: 'directory', path: path.resolve('root') });
    assert.deepEqual(parseRoot('..'), { kind: 'directory', path: path.resolve('..') });
  });

  test('a port is published with an address, a protocol, both or neither', () => {
    assert.deepEqual(parsePort('8080:80'), { hostPort: 8080, containerPort: 80 });
    assert.deepEqual(parsePort('53:5353/udp'), { hostPort: 53, containerPort: 5353, protocol: 'udp' });
    assert.deepEqual(parsePort('0.0.0.0:1:2/tcp'), {
      hostPort: 1,
      containerPort: 2,
      protocol: 'tcp',
      address: '0.0.0.0',
    });
    assert.deepEqual(parsePort('[::1]:1:2'), { hostPort: 1, containerPort: 2, address: '::1' });
    for (const text of ['', '80', '80:', ':80', '80:80/sctp', 'host:80:80', '::1:80:80', '123456:1']) {
      refused(() => parsePort(text), text);
    }
  });

  test('a network is none, the host’s, another container’s or a named one', () => {
    assert.deepEqual(parseNetwork('none'), { kind: 'none' });
    assert.deepEqual(parseNetwork('host'), { kind: 'host' });
    assert.deepEqual(parseNetwork('container:web'), { kind: 'container', container: 'web' });
    assert.deepEqual(parseNetwork('pid:12'), { kind: 'process', pid: 12 });
    assert.deepEqual(parseNetwork('backend'), { kind: 'bridge', network: 'backend' });
    for (const text of ['', '-v', 'a b', '../up', 'pid:0', 'pid:x']) refused(() => parseNetwork(text), text);
  });

  test('each namespace is new, the host’s, a container’s or a process’s', () => {
    const all = ['uts=host', 'mnt=new', 'ipc=container:web', 'time=pid:12'].reduce(
      (previous: NamespaceChoices, text) => collectNamespace(text, previous),
      {},
    );
    assert.deepEqual(all, { uts: 'host', mount: 'new', ipc: { container: 'web' }, time: { process: 12 } });
    for (const text of ['', 'uts', 'uts=', 'uts=me', 'disk=new', 'ipc=container:', 'pid=pid:0', 'net=host']) {
      refused(() => collectNamespace(text), text);
    }
    const { timeOffsets, chroot } = specificationOf({ boottime: parseSeconds('-5'), chroot: true }, []);
    assert.deepEqual([timeOffsets, chroot], [{ boottime: { secs: -5, nanosecs: 0 } }, true]);
    for (const text of ['', '1.5', '1h']) refused(() => parseSeconds(text), text);
  });

  test('a name without a slash is that of a volume; a tmpfs has no source', () => {
    assert.deepEqual(parseMount('data:/a:ro'), [
      { source: 'data', destination: '/a', type: 'volume', options: ['ro'] },
    ]);
    assert.deepEqual(parseMount('.:/a'), [{ source: process.cwd(), destination: '/a', type: 'bind' }]);
    const [one] = parseTmpfs('/cache:size=64m');
    assert.deepEqual(one, { destination: '/cache', type: 'tmpfs', options: ['size=64m'] });
    for (const text of ['cache', '', '/a:b:c']) refused(() => parseTmpfs(text), text);
  });

  test('mounts add up, and sources are made absolute', () => {
    const one = parseMount('./src:/a');
    assert.deepEqual(one, [{ source: path.resolve('src'), destination: '/a', type: 'bind' }]);
    assert.deepEqual(parseMount('/b:/c:ro,noexec', one), [
      ...one,
      { source: '/b', destination: '/c', type: 'bind', options: ['ro', 'noexec'] },
    ]);
    for (const text of ['', '/a', ':/a', '/a:b', '/a:', '/a:/b:ro:x']) refused(() => parseMount(text), text);
  });

  test('variables have a name', () => {
    assert.deepEqual(collect('B=x=y', ['A=']), ['A=', 'B=x=y']);
    for (const text of ['', 'A', '=x']) refused(() => collect(text), text);
  });
});

describe('what run and create ask for', () => {
  test('is a specification that the helper takes', () => {
    const specification = specificationOf(
      {
        name: 'web',
        root: 'busybox',
        writable: 'tmpfs',
        hostname: 'h',
        user: 'nobody',
        cwd: '/tmp',
        env: ['A=1'],
        mount: parseMount('/a:/b:ro'),
        network: 'host',
        memory: 1024,
        cpus: 0.5,
        pids: 7,
        init: true,
        tty: true,
      },
      ['sh', '-c', 'id'],
    );
    assert.deepEqual(parseSpecification(specification), specification);
    assert.deepEqual(specification.resources, {
      memory: { limit: 1024 },
      cpu: { quota: 50_000, period: 100_000 },
      pids: { limit: 7 },
    });
    assert.deepEqual([specification.terminal, specification.init, specification.name], [true, true, 'web']);
    assert.deepEqual(specification.network, { kind: 'host' });
  });

  test('names nothing that was not asked for', () => {
    assert.deepEqual(specificationOf({}, []), { args: [] });
    assert.deepEqual(specificationOf({ rm: true, detach: true }, ['a']), { args: ['a'] });
  });
});

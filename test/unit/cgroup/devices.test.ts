import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { blockDevices } from '../../../helper/cgroup/devices.js';
import { makeTree } from './tree.js';

const mount = (device: string, destination: string) => `22 1 ${device} / ${destination} rw - ext4 /dev/x rw`;

test('whole disks are offered by name, with what is mounted from them and their partitions', async (t) => {
  const root = makeTree(t, {
    'block/sda/dev': '8:0\n',
    'block/sda/size': '2097152\n',
    'block/sda/device/model': 'Fast Disk   \n',
    'block/sda/sda1/dev': '8:1\n',
    'block/sda/sda1/partition': '1\n',
    'block/nvme0n1/dev': '259:0\n',
    'block/nvme0n1/size': '1000215216\n',
    'block/loop0/dev': '7:0\n',
    'block/loop0/size': '0\n',
    'block/loop1/dev': '7:1\n',
    'block/loop1/size': '8\n',
    'block/ram0/dev': '1:0\n',
    'block/ram0/size': '8192\n',
    'block/dm-0/dev': '252:0\n',
    'block/dm-0/size': '4194304\n',
    'block/dm-0/dm/name': 'vg-home\n',
    'block/cciss!c0d0/dev': '104:0\n',
    'block/cciss!c0d0/size': '2097152\n',
    mountinfo: `${[
      mount('8:1', '/boot'),
      mount('8:1', '/boot'),
      mount('252:0', '/home/someone'),
      mount('252:0', '/home'),
      mount('252:0', '/srv/one'),
      mount('0:22', '/sys'),
    ].join('\n')}\n`,
  });
  const devices = await blockDevices(root, {
    block: path.join(root, 'block'),
    mountinfo: path.join(root, 'mountinfo'),
  });
  assert.deepEqual(devices, [
    { number: '104:0', name: 'cciss/c0d0', description: '1 GiB' },
    { number: '252:0', name: 'dm-0', description: 'vg-home, 2 GiB, on /home, /srv/one and 1 more' },
    { number: '7:1', name: 'loop1', description: '4 KiB' },
    { number: '259:0', name: 'nvme0n1', description: '477 GiB' },
    { number: '8:0', name: 'sda', description: 'Fast Disk, 1 GiB, on /boot' },
  ]);
});

test('the disk that holds the folder comes first, also when the folder is on a partition', async (t) => {
  const root = makeTree(t, { mountinfo: '' });
  const number = execFileSync('stat', ['-c', '%Hd:%Ld', root], { encoding: 'utf8' }).trim();
  for (const [name, dev] of [
    ['aaa', '8:0'],
    ['zzz', '8:16'],
  ] as const) {
    mkdirSync(path.join(root, 'block', name), { recursive: true });
    writeFileSync(path.join(root, 'block', name, 'dev'), dev);
    writeFileSync(path.join(root, 'block', name, 'size'), '8');
  }
  mkdirSync(path.join(root, 'block/zzz/zzz1'));
  writeFileSync(path.join(root, 'block/zzz/zzz1/dev'), number);
  const sources = { block: path.join(root, 'block'), mountinfo: path.join(root, 'mountinfo') };
  assert.deepEqual(
    (await blockDevices(root, sources)).map(({ name }) => name),
    ['zzz', 'aaa'],
  );
});

test('a machine without disks has none to offer', async (t) => {
  const root = makeTree(t, { mountinfo: '' });
  const sources = { block: path.join(root, 'block'), mountinfo: path.join(root, 'mountinfo') };
  assert.deepEqual(await blockDevices(root, sources), []);
});

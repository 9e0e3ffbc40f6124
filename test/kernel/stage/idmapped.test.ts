/** Mounts whose owners are shifted: whose file system it is decides. It is why a specification cannot ask for one. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { CLONE_NEWNS, CLONE_NEWUSER, MS_PRIVATE, MS_REC } from '../../../helper/plan/constants.js';
import type { Step } from '../../../helper/plan/step.js';
import { mountsOf } from '../support/kernel.js';
import { Zygote } from './zygote.js';

const { EINVAL, ENOENT, EPERM } = constants.errno;
let zygote: Zygote;
before(async () => {
  zygote = await Zygote.start('single');
});
after(async () => zygote.stop());

/** How mapping the ids of a folder's mount ends; `undefined`: it was done, and only what comes after it failed. */
async function mapped(folder: string, ...prepared: readonly Step[]): Promise<number | undefined> {
  const directory = path.join(folder, 'monitor');
  mkdirSync(directory, { recursive: true });
  const attempt: Step[] = [
    { kind: 'monitor', directory, socket: path.join(folder, 'attach'), outputLimit: 1n << 20n, events: '' },
    { kind: 'clone', flags: CLONE_NEWUSER | CLONE_NEWNS, cgroup: '' },
    { kind: 'mapIds', uidMap: '0 0 1\n', gidMap: '0 0 1\n', setgroups: 'deny' },
    { kind: 'setPropagation', path: '/', flags: MS_REC | MS_PRIVATE },
    ...prepared,
    { kind: 'cloneMount', source: folder, recursive: 1, attributes: 0, propagation: MS_PRIVATE | MS_REC },
    { kind: 'trial', name: 'idmappedMount' },
  ];
  const answer = await zygote.send([
    ...attempt,
    { kind: 'execute', paths: ['/proc/not-there'], args: ['none'], env: [], supervise: 0 },
  ]);
  assert.ok((answer.failedStep ?? 0) >= attempt.length - 1, `step ${answer.failedStep}, errno ${answer.errno}`);
  if (answer.failedStep === attempt.length - 1) return answer.errno;
  assert.equal(answer.errno, ENOENT);
  return undefined;
}

test('ids of what the machine has mounted are not ours to map, those of a tmpfs of our own are', async (t) => {
  const folder = path.join(zygote.folder, 'mapped');
  mkdirSync(folder);
  const ours = await mapped(folder, {
    kind: 'mount',
    type: 'tmpfs',
    source: 'tmpfs',
    destination: folder,
    attributes: 0,
    data: '',
  });
  if (ours === EINVAL) return t.skip('this kernel maps ids of no tmpfs: that came with Linux 6.3');
  assert.equal(ours, undefined, 'control: it is done where the file system is ours');
  const below = mountsOf('self')
    .filter(({ destination }) => destination === '/' || `${folder}/`.startsWith(`${destination}/`))
    .at(-1);
  assert.equal(await mapped(folder), below?.type === 'overlay' ? EINVAL : EPERM, below?.type);
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { volumeNameProblem } from '../../../extension/text/names.js';
import { presentVolume, removalDetail, volumeFacts } from '../../../extension/volumes/volumeText.js';
import type { VolumeSummary, VolumeUse } from '../../../helper/protocol/index.js';

const use = (name: string, more: Partial<VolumeUse> = {}): VolumeUse => ({
  container: `id-of-${name}`,
  name,
  destination: '/data',
  mounted: true,
  ...more,
});
const volume = (usedBy: VolumeUse[] = []): VolumeSummary => ({
  name: 'db',
  createdAt: '2026-01-02T03:04:05Z',
  path: '/home/me/.local/share/terrarium/volumes/db/data',
  usedBy,
});

describe('a volume', () => {
  it('says who has it, each container once', () => {
    const look = (...uses: VolumeUse[]) => {
      const { description, contextValue, accessibleLabel } = presentVolume(volume(uses));
      return [description, contextValue, accessibleLabel];
    };
    assert.deepEqual(look(), ['unused', 'volume.unused', 'Volume db, unused']);
    assert.deepEqual(look(use('web'), use('web', { destination: '/more' })), [
      'used by web',
      'volume.used',
      'Volume db, used by web',
    ]);
    assert.equal(look(use('web'), use('app'))[0], 'used by 2 containers');
  });

  it('has lines for its size, its place and each use of it', () => {
    const facts = volumeFacts(volume([use('web'), use('app', { destination: '/x', mounted: false })]), 3 * 1024 ** 2);
    const labels = facts.map(({ presentation }) => presentation.label);
    assert.equal(labels[0], 'Size: 3 MiB');
    assert.equal(facts[2]?.copy, '/home/me/.local/share/terrarium/volumes/db/data');
    assert.deepEqual(labels.slice(3), ['web has it at /data', 'app has it at /x, not mounted now']);
    assert.equal(new Set(facts.map(({ key }) => key)).size, facts.length);
    assert.equal(volumeFacts(volume(), 'refused')[0]?.presentation.label, 'Size: refused');
  });

  it('is not removed before it was said what goes', () => {
    assert.equal(removalDetail([volume()], 2048), 'db: 2 KiB on disk. What is in it is gone for good.');
    assert.match(removalDetail([volume(), { ...volume(), name: 'b' }], 0), /^db, b: 0 B on disk. What is in them/);
  });

  it('gets a name that the helper takes and that is free', () => {
    assert.equal(volumeNameProblem('data', ['db']), undefined);
    for (const name of ['', '.a', 'a/b', 'x'.repeat(64), 'db']) assert.ok(volumeNameProblem(name, ['db']), name);
  });
});

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { importArchive } from '../../../helper/image/import/importer.js';
import { layerAgent } from '../../../helper/image/layerAgent.js';
import { makeBed, run, unavailable } from './bed.js';
import { layoutFiles, makeImage, makeLayer, writeFolder } from './imageFiles.js';
import { randomStack } from './stackModel.js';

const stacks = 30;

/** The merged tree as the kernel shows it, in the model's words. */
const script = `mount -t overlay -o "userxattr,lowerdir=$1" overlay "$2" && cd "$2" && find . -mindepth 1 \\
  -type l -printf 'l %P -> %l\\n' -o -type d -printf 'd %m %P\\n' -o -type f -printf 'f %m %P: ' -exec cat {} \\; -printf '\\n'`;

test('stacks of random layers look as the specification says', async (t) => {
  const reason = unavailable('single');
  if (reason) return t.skip(reason);
  const bed = makeBed(t, 'single');
  const empty = path.join(bed.work, 'empty');
  mkdirSync(empty);
  let entries = 0;
  for (let seed = 1; seed <= stacks; seed++) {
    const { layers, expected } = randomStack(seed);
    const layout = path.join(bed.work, `layout${seed}`);
    const image = makeImage(layers.map((layer) => makeLayer(layer, false)));
    writeFolder(layout, layoutFiles({ app: image }));
    await importArchive({ store: bed.store, agent: layerAgent(bed.agent) }, { file: layout, name: `s${seed}` }, {});
    const trees = (await bed.store.resolve(`s${seed}`)).layers;
    const lower = [...trees, ...(trees.length > 1 ? [] : [empty])].join(':');
    const seen = run('single', ['unshare', '--mount', 'sh', '-c', script, 'sh', lower, empty]);
    assert.deepEqual(
      seen
        .split('\n')
        .filter((line) => line !== '')
        .sort(),
      expected,
      `seed ${seed}`,
    );
    entries += expected.length;
  }
  assert.ok(entries > 4 * stacks, 'the stacks are worth looking at');
});

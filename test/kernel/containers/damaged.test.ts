import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { startTimeOf } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();
const { ErrorCode } = protocol;

const damages: Record<string, (file: string) => void> = {
  garbage: (file) => writeFileSync(file, 'no JSON at all'),
  'cut in the middle': (file) => truncateSync(file, Math.floor(readFileSync(file).length / 2)),
  empty: (file) => truncateSync(file, 0),
  'of another version': (file) => writeFileSync(file, readFileSync(file, 'utf8').replace('"version":1', '"version":9')),
};

for (const [name, damage] of Object.entries(damages)) {
  test(`a record that is ${name}: listed, explained, removed; others are as before`, async () => {
    const sound = await bed.up();
    const { id } = await bed.helper.request(protocol.CreateContainer, {
      specification: { root: bed.root, name: 'broken', args: ['/bin/true'] },
    });
    await bed.helper.request(protocol.StartContainer, { container: id });
    await bed.helper.request(protocol.WaitContainer, { container: id });
    const folder = path.join(bed.home.data, 'containers', id);
    damage(path.join(folder, 'container.json'));
    // A helper that comes later, too: it knows nothing of what the record was.
    for (const helper of [bed.helper, await bed.another()]) {
      const list = await helper.ask(protocol.ListContainers);
      const broken = list.find((summary) => summary.id === id);
      assert.ok(broken?.damaged !== undefined && broken.name === 'broken', JSON.stringify(list));
      assert.equal(list.find((summary) => summary.id === sound.id)?.state, 'running');
      assert.ok(Array.isArray(await helper.ask(protocol.ListImages)));
    }
    const error = await fails(bed.helper.request(protocol.StartContainer, { container: 'broken' }), {
      code: ErrorCode.BadInput,
      message: /is damaged/,
      fix: /remove/,
    });
    assert.match(error.data?.command ?? '', new RegExp(`terrarium rm -f ${id}`));
    await bed.helper.request(protocol.RemoveContainer, { container: 'broken' });
    assert.equal(existsSync(folder), false);
    assert.deepEqual(readdirSync(path.join(bed.home.data, 'names')), [sound.name]);
    await bed.helper.request(protocol.RemoveContainer, { container: sound.id, force: true });
  });
}

for (const pid of ['new', 'host'] as const) {
  test(`one that runs${pid === 'host' ? ' in the host’s pid namespace' : ''} is removed by force only, with all its processes`, async () => {
    const { id, pid: init } = await bed.up({ namespaces: { pid } });
    const args = ['/bin/sleep', '1000'];
    const entered = await bed.helper.request(protocol.ExecInContainer, { container: id, process: { args } });
    writeFileSync(path.join(bed.home.data, 'containers', id, 'container.json'), '{');
    const broken = await bed.helper.summary(id);
    assert.deepEqual([broken.state, broken.init?.pid], ['running', init]);
    await fails(bed.helper.request(protocol.RemoveContainer, { container: id }), {
      code: ErrorCode.WrongState,
      message: /is running/,
    });
    await bed.helper.request(protocol.RemoveContainer, { container: id, force: true });
    assert.equal(startTimeOf(init), undefined);
    await eventually('the end of what entered', () => startTimeOf(entered.identity.pid) === undefined);
    assert.equal(existsSync(path.join(bed.home.data, 'containers', id)), false);
  });
}

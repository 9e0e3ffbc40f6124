import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { eventually } from '../support/wait.js';

const bed = new Bed();

/** What is told from now on, as `type path`. */
function told() {
  const events: string[] = [];
  bed.helper.connection.onNotification(protocol.FilesChanged, (params) => {
    for (const { type, path } of params.events) events.push(`${type} ${path}`);
  });
  return {
    events,
    wait: (event: string) => eventually(`${event} among ${events.join(', ')}`, () => events.includes(event)),
  };
}

test('changes from inside are told, of folders, of single files, and below a folder', async () => {
  const { id } = await bed.up();
  const root: protocol.FileRoot = { kind: 'container', container: id };
  await bed.exec(id, 'mkdir -p /w/deep/er /single /r/a; echo x > /single/f');
  const { events, wait } = told();
  await bed.helper.request(protocol.WatchFiles, {
    watched: [
      { root, path: '/w' },
      { root, path: '/single/f' },
      { root, path: '/r', recursive: true },
    ],
  });
  // Watched from when inotify says so: until then a change may be missed.
  await eventually('the watch', async () => {
    await bed.exec(id, 'touch /w/ready; rm /w/ready');
    return events.length > 0;
  });
  await bed.exec(id, 'echo 1 > /w/new; mkdir /r/b');
  await wait('created /w/new');
  await wait('created /r/b');
  await bed.exec(id, 'echo 2 >> /w/new; echo 1 > /r/b/below; echo y > /w/deep/unseen; echo z > /single/other');
  await wait('changed /w/new');
  await wait('created /r/b/below');
  await bed.exec(id, 'rm /w/new; echo z > /single/temporary; mv /single/temporary /single/f');
  await wait('deleted /w/new');
  await wait('created /single/f');
  assert.deepEqual(
    events.filter((event) => /unseen|other/.test(event)),
    [],
  );
  await bed.helper.request(protocol.WatchFiles, { watched: [] });
});

test('what is watched is watched on when the container stops and starts', async () => {
  const { id } = await bed.up();
  const root: protocol.FileRoot = { kind: 'container', container: id };
  const { events, wait } = told();
  await bed.helper.request(protocol.WatchFiles, { watched: [{ root, path: '/etc' }] });
  await eventually('the watch', async () => {
    await bed.exec(id, 'touch /etc/ready; rm /etc/ready');
    return events.length > 0;
  });
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 0 });
  await wait('changed /etc');
  const write = (path: string) =>
    bed.helper.request(protocol.WriteFile, { root, path, data: '', create: true, overwrite: true });
  let tries = 0;
  await eventually('a change while it is stopped', async () => {
    await write(`/etc/stopped-${tries++}`);
    return events.some((event) => event.startsWith('created /etc/stopped'));
  });
  events.length = 0;
  await bed.helper.request(protocol.StartContainer, { container: id });
  await eventually('a change while it runs', async () => {
    await bed.exec(id, `touch /etc/running-${tries++}`);
    return events.some((event) => event.startsWith('created /etc/running'));
  });
  await bed.helper.request(protocol.WatchFiles, { watched: [] });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeenSection } from '../../../extension/containers/seenSection.js';
import { MountEvents } from '../../../extension/mounts/mountEvents.js';

test('mounts are watched where they can be seen, and nowhere when the view is hidden', async () => {
  const asked: string[][] = [];
  const warnings: string[] = [];
  let refuses = false;
  const helper = {
    request: async (_: unknown, params: unknown) => {
      asked.push((params as { containers: string[] }).containers);
      if (refuses) throw new Error('it ends');
      return null as never;
    },
  };
  const seen = new SeenSection();
  const events = new MountEvents(helper, { warn: (text: string) => void warnings.push(text) }, seen);
  seen.shown('b');
  events.update();
  assert.deepEqual(asked, [], 'nobody sees it yet');
  events.setVisible(true);
  seen.sectionOpened('a', true);
  events.update();
  events.update();
  seen.containerOpened('b', false);
  events.update();
  events.setVisible(false);
  assert.deepEqual(asked.splice(0), [['b'], ['a', 'b'], ['a'], []]);
  events.setVisible(true);
  // Another helper watches nothing yet.
  events.begin();
  assert.deepEqual(asked.splice(0), [['a'], ['a']]);
  refuses = true;
  seen.sectionOpened('a', false);
  events.update();
  await new Promise(setImmediate);
  refuses = false;
  seen.sectionOpened('a', true);
  events.update();
  assert.deepEqual(asked, [[], ['a']]);
  assert.equal(warnings.length, 1);
});

/** What comes to be mounted in a running container when another one moves the source meanwhile. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { AddMount, RemoveMount, type TerrariumError } from '../../../helper/protocol/index.js';
import { perl } from './perl.js';
import { Product, until, workFolder } from './product.js';

test('a source that another container flips with a link never shows what the link is to', async (t) => {
  const product = await Product.start(t);
  const folder = workFolder(t);
  const [shared, secret] = [path.join(folder, 'shared'), path.join(folder, 'secret')];
  for (const made of [path.join(shared, 'data/deep'), path.join(secret, 'deep')]) mkdirSync(made, { recursive: true });
  writeFileSync(path.join(shared, 'data/deep/file'), 'harmless');
  // Where a link leads, a mount of a folder that has no such name inside would fail: it has one, so that it would not.
  writeFileSync(path.join(secret, 'deep/file'), 'secret');
  const victim = await product.up({});
  const racer = await product.up({
    args: perl(
      `symlink '${secret}', '/shared/link' or die; print "ready\\n";
       while (1) { rename '/shared/data', '/shared/was'; rename '/shared/link', '/shared/data';
         select undef, undef, undef, 0.0005; rename '/shared/data', '/shared/link'; rename '/shared/was', '/shared/data';
         select undef, undef, undef, 0.0005 }`,
    ),
    mounts: [{ destination: '/shared', source: shared, type: 'bind', options: ['rw'] }],
  });
  await until('it races', async () => (await product.logs(racer.id)).startsWith('ready'));
  const seen = { refused: 0, harmless: 0, settled: 0 };
  const mount = { type: 'bind', source: path.join(shared, 'data/deep'), destination: '/mine', options: ['ro'] };
  for (let i = 0; i < 200 && (seen.refused === 0 || seen.harmless === 0); i++) {
    try {
      const made = await product.client.sendRequest(AddMount, { container: victim.id, mount });
      // The helper takes a link that is there when it is asked as meant, as at the making of a container.
      if (made?.root.includes('/secret/') === true) seen.settled++;
      else {
        assert.equal(await product.exec(victim.id, { args: ['/bin/cat', '/mine/file'] }), 'harmless');
        seen.harmless++;
      }
      await product.client.sendRequest(RemoveMount, { container: victim.id, destination: '/mine' });
    } catch (error) {
      assert.match((error as TerrariumError).message, /cloneMount .* failed with E(LOOP|NOENT)/);
      if ((error as TerrariumError).data?.errno === 'ELOOP') seen.refused++;
    }
  }
  assert.ok(seen.refused > 0 && seen.harmless > 0, `control: the race was on: ${JSON.stringify(seen)}`);
});

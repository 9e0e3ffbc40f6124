/** What a bind mount shows when somebody who can write on the way to it, another container, moves it. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { CreateContainer, StartContainer, type TerrariumError, WaitContainer } from '../../../helper/protocol/index.js';
import { perl } from './perl.js';
import { Product, until, workFolder } from './product.js';

interface Field {
  /** Shared with the attacker. */
  shared: string;
  /** Below it, what the victim has mounted. */
  source: string;
  /** The person's own. */
  secret: string;
}

function field(t: TestContext): Field {
  const folder = workFolder(t);
  const [shared, secret] = [path.join(folder, 'shared'), path.join(folder, 'secret')];
  for (const made of [path.join(shared, 'data/deep'), path.join(secret, 'deep')]) mkdirSync(made, { recursive: true });
  writeFileSync(path.join(shared, 'data/deep/file'), 'harmless');
  writeFileSync(path.join(secret, 'deep/file'), 'secret');
  return { shared, source: path.join(shared, 'data/deep'), secret };
}

const attacker = ({ shared }: Field, code: string) => ({
  args: perl(code),
  mounts: [{ destination: '/shared', source: shared, type: 'bind', options: ['rw'] }],
});

const victim = ({ source }: Field) => ({
  args: ['/bin/cat', '/mine/file'],
  mounts: [{ destination: '/mine', source, type: 'bind', options: ['ro'] }],
});

test('a source that has become a link since the container was made is refused', async (t) => {
  const product = await Product.start(t);
  const place = field(t);
  const { id } = await product.run(victim(place));
  assert.equal(await product.logs(id), 'harmless', 'as it was meant');

  const flip = await product.run(
    attacker(place, `rename '/shared/data', '/shared/was' or die; symlink '${place.secret}', '/shared/data' or die`),
  );
  assert.equal(flip.exitCode, 0, flip.output);
  await assert.rejects(product.client.sendRequest(StartContainer, { container: id }), (error: TerrariumError) => {
    assert.match(error.message, /bind .* failed with ELOOP/);
    assert.match(error.data?.cause ?? '', /is a link now/);
    return true;
  });
  assert.equal(await product.logs(id), 'harmless', 'it never ran again');

  // Control: who follows the link as it is now comes to the secret.
  const control = await product.run(victim(place));
  assert.equal(control.output, 'secret', 'control');
});

test('a link that was there when the container was made is settled then', async (t) => {
  const product = await Product.start(t);
  const place = field(t);
  symlinkSync(place.source, path.join(place.shared, 'link'));
  const { output } = await product.run(victim({ ...place, source: path.join(place.shared, 'link') }));
  assert.equal(output, 'harmless');
});

test('a folder that is flipped with a link during many starts never shows what the link is to', async (t) => {
  const product = await Product.start(t);
  const place = field(t);
  const { client } = product;
  const { id } = await client.sendRequest(CreateContainer, { specification: victim(place) });
  const racer = await product.up(
    attacker(
      place,
      `symlink '${place.secret}', '/shared/link' or die; print "ready\\n";
       while (1) { rename '/shared/data', '/shared/was'; rename '/shared/link', '/shared/data';
         select undef, undef, undef, 0.001; rename '/shared/data', '/shared/link'; rename '/shared/was', '/shared/data';
         select undef, undef, undef, 0.001 }`,
    ),
  );
  await until('it races', async () => (await product.logs(racer.id)).startsWith('ready'));
  const seen = { refused: 0, harmless: 0 };
  for (let i = 0; i < 60; i++) {
    try {
      await client.sendRequest(StartContainer, { container: id });
    } catch (error) {
      assert.match((error as TerrariumError).message, /bind .* failed with E(LOOP|NOENT)/);
      if ((error as TerrariumError).data?.errno === 'ELOOP') seen.refused++;
      continue;
    }
    await client.sendRequest(WaitContainer, { container: id });
    assert.equal(await product.logs(id), 'harmless');
    seen.harmless++;
  }
  assert.ok(seen.refused > 0 && seen.harmless > 0, `control: the race was on: ${JSON.stringify(seen)}`);
});

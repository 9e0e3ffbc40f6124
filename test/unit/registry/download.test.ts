import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Descriptor } from '../../../helper/image/layout.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { downloadBlob } from '../../../helper/registry/download.js';
import { fetchDocument } from '../../../helper/registry/manifest.js';
import { type Behaviour, cut, LoopbackRegistry } from '../../kernel/registry/loopbackRegistry.js';
import { inSession, temporaryFolder } from './bed.js';

const content = Buffer.alloc(300_000, 'all work and no play makes a test ');

interface Bed {
  registry: LoopbackRegistry;
  blob: Descriptor;
  file: string;
  reports: number[];
  download(): Promise<void>;
}

/** A registry with one blob, whose GET is answered by `behaviour`; `times` says how often that was before. */
async function makeBed(
  t: TestContext,
  behaviour: (times: number, ...parameters: Parameters<Behaviour>) => boolean = () => false,
): Promise<Bed> {
  const registry = await LoopbackRegistry.start(t);
  const blob = registry.addBlob('x', content);
  let times = 0;
  registry.behaviours.push((request, response) =>
    request.path.includes('/blobs/') ? behaviour(times++, request, response) : false,
  );
  const file = path.join(temporaryFolder(t), 'blob');
  const reports: number[] = [];
  const params = { reference: `${registry.host}/a/b` };
  const download = () =>
    inSession(t, params, (session) => downloadBlob(session, blob, file, (done) => void reports.push(done)));
  return { registry, blob, file, reports, download };
}

const ranges = ({ registry }: Bed) => registry.asked(/blobs/).map(({ range }) => range);

test('a blob is fetched, and its bytes are counted', async (t) => {
  const bed = await makeBed(t);
  await bed.download();
  assert.ok(readFileSync(bed.file).equals(content));
  assert.equal(bed.reports.at(-1), content.length);
  assert.deepEqual(ranges(bed), [undefined]);
});

test('after a cut it goes on where it was', async (t) => {
  const bed = await makeBed(t, (times, { range }, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const headers = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
    const part = content.subarray(start, start + 100_000);
    if (times === 0) cut(response, content.length, part);
    if (times === 1) cut(response, content.length - start, part, headers, 206);
    return times < 2;
  });
  await bed.download();
  assert.ok(readFileSync(bed.file).equals(content));
  const starts = ranges(bed).map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0));
  const [first, second = 0, third = 0, ...more] = starts;
  assert.deepEqual([first, more], [0, []]);
  assert.ok(0 < second && second < third && third < content.length, `each goes on: ${starts}`);
});

test('a server that cannot go on starts again', async (t) => {
  const bed = await makeBed(t, (times, _request, response) => {
    if (times === 0) cut(response, content.length, Buffer.alloc(100_000, 'something else'));
    else response.writeHead(200, { 'content-length': content.length }).end(content);
    return true;
  });
  await bed.download();
  assert.ok(readFileSync(bed.file).equals(content));
});

test('a part that was not asked for is refused', async (t) => {
  for (const range of ['bytes 0-9/10', `bytes 99999-${content.length - 1}/${content.length}`, 'nonsense']) {
    const bed = await makeBed(t, (times, _request, response) => {
      if (times === 0) cut(response, content.length, content.subarray(0, 100_000));
      else response.writeHead(206, { 'content-range': range }).end(content.subarray(100_000));
      return true;
    });
    await assert.rejects(bed.download(), { code: ErrorCode.BadInput, message: /another layer/ });
  }
});

test('a blob of another size is refused at once', async (t) => {
  for (const wrong of [content.subarray(1), Buffer.concat([content, Buffer.from('x')])]) {
    const announced = await makeBed(t, (_times, _request, response) => {
      response.writeHead(200, { 'content-length': wrong.length }).end(wrong);
      return true;
    });
    await assert.rejects(announced.download(), { code: ErrorCode.BadInput, message: /another layer/ });
    assert.equal(ranges(announced).length, 1);
  }
  const endless = await makeBed(t, (_times, _request, response) => {
    const more = () => {
      while (response.writable && response.write(content));
      response.once('drain', more);
    };
    more();
    return true;
  });
  await assert.rejects(endless.download(), { code: ErrorCode.BadInput, message: /another layer/ });
  assert.equal(readFileSync(endless.file).length <= content.length, true);
});

test('a server that is busy is asked again, when it says', async (t) => {
  const at: number[] = [];
  const bed = await makeBed(t, (times, _request, response) => {
    at.push(performance.now());
    if (times === 0) response.writeHead(503).end();
    if (times === 1) response.writeHead(429, { 'retry-after': new Date(Date.now() + 300).toUTCString() }).end();
    return times < 2;
  });
  await bed.download();
  assert.equal(at.length, 3);

  const hours = await makeBed(t, (_times, _request, response) => {
    response.writeHead(429, { 'retry-after': '7200' }).end();
    return true;
  });
  await assert.rejects(hours.download(), (error: { code: number; data: { fix: string } }) => {
    assert.equal(error.code, ErrorCode.Unavailable);
    assert.match(error.data.fix, /7200 seconds/);
    return true;
  });
  const broken = await makeBed(t, (_times, _request, response) => {
    response.writeHead(500).end();
    return true;
  });
  await assert.rejects(broken.download(), { code: ErrorCode.Unavailable, message: /status 500/ });
  assert.equal(ranges(broken).length, 3);
});

test('connections that are reset before the answer are tried again, a few times', async (t) => {
  const bed = await makeBed(t, (times, _request, response) => {
    if (times < 2) response.destroy();
    return times < 2;
  });
  await bed.download();
  const never = await makeBed(t, (_times, _request, response) => {
    response.destroy();
    return true;
  });
  await assert.rejects(never.download(), { code: ErrorCode.Unavailable, message: /Cannot talk to/ });
  assert.equal(ranges(never).length, 3);
});

test('nobody is waited for for ever: no head, no body, a byte now and then', async (t) => {
  const silent = await makeBed(t, () => true);
  await assert.rejects(silent.download(), { code: ErrorCode.Unavailable });
  const drip = (_times: number, _request: unknown, response: Parameters<Behaviour>[1]) => {
    response.writeHead(200, { 'content-length': content.length, 'content-type': 'application/json' });
    const timer = setInterval(() => response.write('x'), 50);
    response.once('close', () => clearInterval(timer));
    return true;
  };
  const stalled = await makeBed(t, (_times, _request, response) => {
    response.writeHead(200, { 'content-length': content.length }).write('x');
    return true;
  });
  await assert.rejects(stalled.download(), { code: ErrorCode.Unavailable });
  const slow = await makeBed(t, drip);
  await assert.rejects(slow.download(), { code: ErrorCode.Unavailable, message: /too slowly/ });

  const registry = await LoopbackRegistry.start(t);
  registry.behaviours.push((request, response) => request.path.includes('manifests') && drip(0, request, response));
  const reading = inSession(t, { reference: `${registry.host}/a/b` }, fetchDocument);
  await assert.rejects(reading, { code: ErrorCode.Unavailable, message: /too slowly/ });
});

test('a redirect leads to the blob, and going on starts from the registry again', async (t) => {
  const storage = await LoopbackRegistry.start(t, { host: '127.0.0.2' });
  storage.addBlob('x', content);
  let times = 0;
  storage.behaviours.push((_request, response) => {
    if (times++ > 0) return false;
    cut(response, content.length, content.subarray(0, 200_000));
    return true;
  });
  const bed = await makeBed(t, (_times, { path: asked }, response) => {
    response.writeHead(307, { location: `http://${storage.host}${asked}?signature=x` }).end();
    return true;
  });
  await bed.download();
  assert.ok(readFileSync(bed.file).equals(content));
  assert.deepEqual(
    storage.asked(/blobs/).map(({ range }) => range !== undefined),
    [false, true],
  );
});

test('redirects without end are not followed for ever', async (t) => {
  const bed = await makeBed(t, (_times, { path: asked }, response) => {
    response.writeHead(302, { location: asked }).end();
    return true;
  });
  await assert.rejects(bed.download(), { code: ErrorCode.Unavailable, message: /from one address to another/ });
  assert.equal(ranges(bed).length, 6);
});

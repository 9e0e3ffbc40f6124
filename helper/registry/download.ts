import { type FileHandle, open } from 'node:fs/promises';
import { badInput, cancelled } from '../image/failure.js';
import type { Descriptor } from '../image/layout.js';
import { networkFailure } from './failure.js';
import { largestDocument, tooLarge } from './manifest.js';
import type { Session } from './session.js';
import { discard, type HttpResponse, headerOf, leastBytes, TooSlow } from './transport.js';

/** A small blob as a whole, such as a configuration; its digest is for the caller to check. @throws TerrariumError */
export async function fetchBlob(session: Session, { digest, size }: Descriptor): Promise<Buffer> {
  if (size > largestDocument) throw tooLarge('configuration');
  return await session.retried(async () => {
    const exchange = { method: 'GET', expected: [200], subject: digest } as const;
    const response = await session.exchange(session.url('blobs', digest), exchange);
    const bytes = await session.transport.read(response, size, session.signal);
    if (bytes === undefined) throw wrongSize(digest, `more than the ${size} bytes that its manifest speaks of`);
    return bytes;
  });
}

/** An attempt that brings this much does not count as failed: connections that are cut now and then get there. */
const worthwhile = 1024 * 1024;

/**
 * Fetches a blob into a file, and goes on where a connection was cut. Its size is right when this returns; its digest is
 * for the caller to check, who reads it anyway.
 * @param report told how many bytes are there.
 * @throws TerrariumError
 */
export async function downloadBlob(
  session: Session,
  { digest, size }: Descriptor,
  file: string,
  report: (doneBytes: number) => void,
): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    let done = 0;
    await session.retried(async (progress) => {
      const response = await session.exchange(session.url('blobs', digest), {
        method: 'GET',
        headers: done > 0 ? { range: `bytes=${done}-` } : {},
        expected: done > 0 ? [200, 206] : [200],
        subject: digest,
      });
      // Not every server can go on.
      if (response.status === 200) done = 0;
      await checkExtent(response, done, digest, size);
      const start = done;
      for await (const chunk of pieces(response, session)) {
        if (done + chunk.length > size)
          throw wrongSize(digest, `more than the ${size} bytes that its manifest speaks of`);
        await write(handle, chunk, done);
        done += chunk.length;
        report(done);
        if (done - start >= worthwhile) progress();
      }
      if (done < size) throw networkFailure(new CutOff(), response.url.host);
    });
  } finally {
    await handle.close();
  }
}

/** What the head of an answer says of its extent has to fit. */
async function checkExtent(response: HttpResponse, done: number, digest: string, size: number): Promise<void> {
  const range = headerOf(response, 'content-range');
  const length = headerOf(response, 'content-length');
  const problem =
    response.status === 206 && !new RegExp(`^bytes ${done}-${size - 1}/(?:${size}|\\*)$`).test(range ?? '')
      ? `another part than was asked for: ${JSON.stringify(range?.slice(0, 60))}`
      : length !== undefined && Number(length) !== size - done
        ? `${length.slice(0, 30)} bytes, and not ${size - done}`
        : undefined;
  if (problem === undefined) return;
  await discard(response);
  throw wrongSize(digest, problem);
}

/** Pieces of a body; who sends too little in too much time is cut off. */
async function* pieces(response: HttpResponse, { signal, transport }: Session): AsyncGenerator<Buffer> {
  const patience = transport.timeouts.partMilliseconds;
  let [brought, since] = [0, performance.now()];
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      brought += chunk.length;
      if (brought >= leastBytes) [brought, since] = [0, performance.now()];
      else if (performance.now() - since > patience) throw new TooSlow();
      yield chunk;
    }
  } catch (error) {
    if (signal.aborted) throw cancelled();
    throw networkFailure(error, response.url.host);
  }
}

async function write(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
  }
}

/** An answer that ended before all was there, in good order otherwise. */
class CutOff extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super('it ended before everything was there');
  }
}

function wrongSize(digest: string, what: string) {
  return badInput('The registry sent another layer than its manifest speaks of', { cause: `${digest}: ${what}.` });
}

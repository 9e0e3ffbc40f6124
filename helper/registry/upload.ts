import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ResponseError } from 'vscode-jsonrpc';
import { badInput } from '../image/failure.js';
import type { Descriptor } from '../image/layout.js';
import { ErrorCode } from '../protocol/errors.js';
import { unavailable } from './failure.js';
import { checkLink, type Session } from './session.js';
import { discard, type HttpResponse, headerOf } from './transport.js';

export interface BlobUpload {
  descriptor: Pick<Descriptor, 'digest' | 'size'>;
  /** Open for reading, so that the blob stays whatever happens to the image meanwhile. */
  file: FileHandle;
  /** Another repository of the registry that may have it already. */
  mountFrom: string | undefined;
  /** Told how many bytes the registry has been sent. */
  report: (doneBytes: number) => void;
}

/** Parts for registries that say what they want at least, or that a proxy keeps from taking a blob as a whole. */
const usualChunk = 8 * 1024 * 1024;
/** What proxies take at least: nginx's default. */
const smallChunk = 1024 * 1024;

/**
 * Sends a blob unless the registry has it: as a whole, or in chunks when it asks for that (`OCI-Chunk-Min-Length`, or
 * status 413 for the whole). After an error or a cancel the unfinished upload is taken back.
 * @throws TerrariumError
 */
export async function uploadBlob(session: Session, upload: BlobUpload): Promise<void> {
  const { descriptor, report } = upload;
  const { digest, size } = descriptor;
  const head = await session.request(session.url('blobs', digest), {
    method: 'HEAD',
    expected: [200, 404],
    subject: digest,
  });
  await discard(head);
  if (head.status === 404) await session.retried((progress) => attempt(session, upload, progress));
  report(size);
}

async function attempt(session: Session, upload: BlobUpload, progress: () => void): Promise<void> {
  const begun = await begin(session, upload);
  // Mounted.
  if (begun.status === 201) return;
  const at = { location: checkLink(headerOf(begun, 'location'), begun.url) };
  const least = Number(headerOf(begun, 'oci-chunk-min-length') ?? Number.NaN);
  try {
    if (Number.isSafeInteger(least) && least > 0) {
      await inChunks(session, upload, at, Math.max(least, usualChunk), progress);
    } else if (!(await asAWhole(session, upload, at))) {
      await inChunks(session, upload, at, smallChunk, progress);
    }
  } catch (error) {
    await takeBack(session, at.location);
    throw error;
  }
}

async function begin(session: Session, { descriptor, mountFrom }: BlobUpload): Promise<HttpResponse> {
  const post = async (url: URL) => {
    const response = await session.exchange(url, { method: 'POST', body: () => '', expected: [201, 202] });
    await discard(response);
    return response;
  };
  const plain = session.url('blobs', 'uploads', '');
  if (mountFrom === undefined) return await post(plain);
  const mount = new URL(plain);
  mount.searchParams.set('mount', descriptor.digest);
  mount.searchParams.set('from', mountFrom);
  try {
    return await post(mount);
  } catch (error) {
    // Who may push here need not be allowed to read there.
    if (!(error instanceof ResponseError && error.code === ErrorCode.Unauthorized)) throw error;
    return await post(plain);
  }
}

/** Where the next part of an upload goes: the registry says so anew with each answer. */
interface Place {
  location: URL;
}

const octets = { 'content-type': 'application/octet-stream' };

/** @returns false when that is too much for the registry. */
async function asAWhole(session: Session, upload: BlobUpload, { location }: Place): Promise<boolean> {
  const { digest, size } = upload.descriptor;
  const response = await session.exchange(withDigest(location, digest), {
    method: 'PUT',
    headers: { ...octets, 'content-length': String(size) },
    body: () => part(upload, 0, size),
    isWork: true,
    expected: [201, 413],
    subject: digest,
  });
  await discard(response);
  return response.status === 201;
}

async function inChunks(
  session: Session,
  upload: BlobUpload,
  at: Place,
  chunk: number,
  progress: () => void,
): Promise<void> {
  const { digest, size } = upload.descriptor;
  let [sent, isSure] = [0, true];
  await session.retried(async (progressHere) => {
    // A chunk that was cut may have arrived in part.
    if (!isSure) sent = await received(session, at, size);
    while (sent < size) {
      isSure = false;
      const end = Math.min(sent + chunk, size);
      const response = await session.exchange(at.location, {
        method: 'PATCH',
        headers: { ...octets, 'content-length': String(end - sent), 'content-range': `${sent}-${end - 1}` },
        body: () => part(upload, sent, end),
        isWork: true,
        expected: [202],
        subject: digest,
      });
      await discard(response);
      at.location = next(response, at);
      [sent, isSure] = [end, true];
      progressHere();
      progress();
    }
  });
  const response = await session.request(withDigest(at.location, digest), {
    method: 'PUT',
    headers: { 'content-length': '0' },
    isWork: true,
    expected: [201],
    subject: digest,
  });
  await discard(response);
}

/** How many bytes of an upload the registry has. */
async function received(session: Session, at: Place, size: number): Promise<number> {
  const response = await session.exchange(at.location, { method: 'GET', expected: [204], subject: 'the upload' });
  await discard(response);
  at.location = next(response, at);
  const range = headerOf(response, 'range') ?? '';
  const last = /^(?:bytes=)?0-(\d+)$/.exec(range)?.[1];
  const count = last === undefined ? Number.NaN : Number(last) + 1;
  if (!(count <= size)) {
    throw unavailable(
      `${at.location.host} lost an upload`,
      `It says that it has ${JSON.stringify(range.slice(0, 60))}.`,
    );
  }
  // What it says of an upload it has nothing of: a range cannot be empty.
  return count === 1 ? 0 : count;
}

function next(response: HttpResponse, { location }: Place): URL {
  const link = headerOf(response, 'location');
  return link === undefined ? location : checkLink(link, location);
}

function withDigest(location: URL, digest: string): URL {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  return url;
}

/** Bytes of the blob, read as they are sent. */
function part({ file, report }: BlobUpload, start: number, end: number): Readable {
  const read = async function* () {
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafe(Math.min(readSize, end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw badInput('The image store is damaged: a blob is too short');
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
      report(at);
    }
  };
  return Readable.from(read(), { objectMode: false });
}

const readSize = 256 * 1024;

/** Takes an unfinished upload back, in what time there is: registries remove those that are left, too. */
async function takeBack(session: Session, location: URL): Promise<void> {
  const until = session.until(AbortSignal.timeout(takeBackMilliseconds));
  try {
    await discard(await until.exchange(location, { method: 'DELETE', expected: [200, 202, 204, 404, 405] }));
  } catch (error) {
    process.stderr.write(`An unfinished upload is left at ${location.host}: ${String(error)}\n`);
  }
}

const takeBackMilliseconds = 3000;

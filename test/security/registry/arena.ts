/** A registry that attacks, a store that must not change, and a password that must not leave. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import * as protocol from '../../../helper/protocol/index.js';
import type { LoopbackRegistry, Seen } from '../../kernel/registry/loopbackRegistry.js';
import { Bed } from '../../kernel/support/bed.js';
import { fails } from '../../kernel/support/failure.js';

export const canary = { username: 'me', password: 'canary-of-registries' };

/** Whether a request holds the password, or what was got for it. */
export function isTold({ authorization, query, body, path: asked }: Seen): boolean {
  const encoded = Buffer.from(`${canary.username}:${canary.password}`).toString('base64');
  const all = `${authorization ?? ''} ${query} ${body.toString('latin1')} ${asked}`;
  return authorization !== undefined || all.includes(canary.password) || all.includes(encoded);
}

export class Arena extends Bed {
  /** Pulls with the password. */
  pull(registry: LoopbackRegistry, name: string): Promise<protocol.ImageSummary> {
    const reference = `${registry.host}/${name}`;
    return this.helper.request(protocol.PullImage, { reference, name: 'attack', credentials: canary });
  }

  /** A pull that fails as expected and leaves nothing. */
  async refuses(registry: LoopbackRegistry, name: string, expected: Parameters<typeof fails>[1]): Promise<void> {
    const before = await this.kept();
    await fails(this.pull(registry, name), expected);
    assert.deepEqual(await this.kept(), before);
  }

  private async kept(): Promise<unknown> {
    const images = await this.helper.ask(protocol.ListImages);
    const files = ['ingest', 'blobs/sha256', 'layers'].flatMap((name) => {
      const folder = path.join(this.home.data, 'images', name);
      return existsSync(folder) ? readdirSync(folder).map((file) => `${name}/${file}`) : [];
    });
    return { images, files: files.sort() };
  }
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilityHints } from '../../../extension/files/capabilityHints.js';
import type { FileEntry } from '../../../helper/protocol/index.js';

const entry = (name: string, more: Partial<FileEntry> = {}): FileEntry => ({
  name,
  kind: 'file',
  size: 1,
  mode: 0o755,
  uid: 0,
  gid: 0,
  hostUid: 0,
  hostGid: 0,
  mtime: 0,
  ctime: 0,
  links: 1,
  ...more,
});

test('a container is asked once for all programs with capabilities of a folder, and not where there are none', async () => {
  let asked = 0;
  const process = { noNewPrivileges: true, capabilities: { bounding: ['CAP_NET_RAW'] } };
  const helper = {
    request: async () => {
      asked++;
      return { config: { process } } as never;
    },
  };
  const container = { kind: 'container', container: 'c' } as const;
  const [plain, ping, server] = [
    entry('plain'),
    entry('ping', { capabilities: 'cap_net_raw=ep' }),
    entry('server', { capabilities: 'cap_net_bind_service=ep', nosuid: true }),
  ];
  assert.equal((await capabilityHints(helper, container, [plain])).size, 0);
  assert.equal((await capabilityHints(helper, { kind: 'image', name: 'i' }, [ping])).size, 0);
  assert.equal(asked, 0);
  const hints = await capabilityHints(helper, container, [plain, ping, server]);
  assert.equal(asked, 1);
  assert.equal(hints.get(plain), undefined);
  assert.match(hints.get(ping)?.join('\n') ?? '', /^no_new_privs is on[^\n]*$/);
  assert.equal(hints.get(server)?.length, 3);
});

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import * as protocol from '../../helper/protocol/index.js';
import { startHelper } from '../kernel/cgroup/helperProcess.js';
import { fails } from '../kernel/support/failure.js';

// The machine's bed enables them for the user's units as an administrator would, since systemd does not know them.
test('v2: files of controllers without fields of their own are plain text, and the kernel has its say about them', async (t) => {
  const helper = await startHelper(t);
  const { summary } = await helper.sendRequest(protocol.RunContainer, { specification: {} });
  const container = summary.id;
  const { readings } = await helper.sendRequest(protocol.ReadLimits, { container });
  const read = (name: string) => readings.find((reading) => reading.name === name);
  const folder = path.dirname(read('pids.max')?.files[0] ?? '');
  const offered = ['misc.max', 'rdma.max'];
  for (const name of offered) {
    assert.ok(existsSync(path.join(folder, name)), `${name} is there`);
    assert.deepEqual(
      [read(name)?.value, read(name)?.files, read(name)?.writable, protocol.knobOf(name).kind],
      ['', [path.join(folder, name)], true, 'text'],
      name,
    );
  }
  const set = (values: Record<string, string>) => {
    const changes = Object.entries(values).map(([name, value]) => ({ name, value }));
    return helper.sendRequest(protocol.SetLimits, { target: { container }, changes });
  };
  // This machine has nothing that they could count, which the kernel tells of each in its own way.
  await fails(set({ 'pids.max': '50', 'misc.max': 'sev 5' }), {
    code: protocol.ErrorCode.Invalid,
    message: /Nothing was changed/,
    data: { errno: 'EINVAL' },
    cause: /each resource that this machine has/,
  });
  await fails(set({ 'pids.max': '50', 'rdma.max': 'mlx5_0 hca_handle=2' }), {
    code: protocol.ErrorCode.Invalid,
    message: /Nothing was changed/,
    data: { errno: 'ENODEV' },
    cause: /no such RDMA device/,
  });
  assert.equal(readFileSync(path.join(folder, 'pids.max'), 'utf8'), 'max\n', 'all or nothing');
  assert.equal(read('hugetlb.2MB.max'), undefined);
});

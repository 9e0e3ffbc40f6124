import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkValue } from '../../../helper/cgroup/values.js';
import { ErrorCode, knobOf } from '../../../helper/protocol/index.js';

const refused: [string, string][] = [
  ['memory.max', '-1'],
  ['memory.max', '0.5'],
  ['memory.max', 'NaN'],
  ['memory.max', '4096'],
  ['memory.max', '2305843009213693952'],
  ['memory.max', ''],
  ['memory.swap.max', '-1'],
  ['memory.oom.group', '2'],
  ['memory.swappiness', '201'],
  ['cpu.max', '0 100000'],
  ['cpu.max', '999 100000'],
  ['cpu.max', '50000 999'],
  ['cpu.max', '50000 1000001'],
  ['cpu.max', '50000 100000 7'],
  ['cpu.max', 'Infinity'],
  ['cpu.max.burst', 'max'],
  ['cpu.weight', '0'],
  ['cpu.weight', '10001'],
  ['cpu.weight', '1.5'],
  ['cpu.weight', 'max'],
  ['cpuset.cpus', '2-1'],
  ['cpuset.cpus', '0,,1'],
  ['cpuset.cpus', '0-99999999'],
  ['cpuset.cpus', 'all'],
  ['pids.max', '0'],
  ['io.max', 'vda rbps=5'],
  ['io.max', '8:0 rbps=0'],
  ['io.max', '8:0 speed=5'],
  ['io.max', '8:0 rbps'],
  ['io.weight', 'default 0'],
  ['io.weight', '8:0 10001'],
  ['io.weight', 'sda 100'],
  ['hugetlb.2MB.max', 'lots'],
  ['misc.max', 'a\0b'],
];
for (const [name, value] of refused) {
  test(`${name} = ${JSON.stringify(value)} is refused, with what would be right`, () => {
    assert.throws(
      () => checkValue(knobOf(name), value),
      (error: { code: number; data: { fix: string } }) => {
        assert.equal(error.code, ErrorCode.Invalid);
        assert.ok(error.data.fix.length > 0);
        return true;
      },
    );
  });
}

const taken: [string, string, string][] = [
  ['memory.max', '524288', '524288'],
  ['memory.max', '100M', '104857600'],
  ['memory.max', ' max\n', 'max'],
  ['memory.swap.max', '0', '0'],
  ['memory.oom.group', '1', '1'],
  ['cpu.max', '1000 100000', '1000 100000'],
  ['cpu.max', '50000', '50000 100000'],
  ['cpu.max', 'max', 'max 100000'],
  ['cpu.max.burst', '0', '0'],
  ['cpu.weight', '10000', '10000'],
  ['cpuset.cpus', '5,0-2,1', '0-2,5'],
  ['cpuset.cpus', '', ''],
  ['pids.max', '1', '1'],
  [
    'io.max',
    '9:1 riops=5\n8:0 wbps=max rbps=7',
    '8:0 rbps=7 wbps=max riops=max wiops=max\n9:1 rbps=max wbps=max riops=5 wiops=max',
  ],
  ['io.max', '8:0 rbps=max', ''],
  ['io.weight', '50', 'default 50'],
  ['io.weight', '8:0 20\ndefault 70', 'default 70\n8:0 20'],
  ['hugetlb.2MB.max', '2097152', '2097152'],
  ['misc.max', 'sev 4', 'sev 4'],
];
for (const [name, text, value] of taken) {
  test(`${name}: ${JSON.stringify(text)} is ${JSON.stringify(value)}`, () => {
    assert.equal(checkValue(knobOf(name), text), value);
    // In its final form it stays.
    assert.equal(checkValue(knobOf(name), value), value);
  });
}

test('a quota alone keeps the period in force', () => {
  assert.equal(checkValue(knobOf('cpu.max'), '10000', 20_000), '10000 20000');
});

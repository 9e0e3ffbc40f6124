import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ioMaxText, parseIoMax } from '../../../helper/protocol/ioNotation.js';
import { type KnobName, knobOf, knobs, presets } from '../../../helper/protocol/knobs.js';
import {
  examplesOf,
  formatBytes,
  formatTime,
  formatUsage,
  formatValue,
  numberOf,
  parseValue,
} from '../../../helper/protocol/notation.js';

function value(name: string, text: string): string {
  const parsed = parseValue(knobOf(name), text);
  assert.ok(parsed.ok, `${name} refused “${text}”: ${parsed.ok ? '' : parsed.message}`);
  return parsed.value;
}

function message(name: string, text: string): string {
  const parsed = parseValue(knobOf(name), text);
  assert.ok(!parsed.ok, `${name} took “${text}” for ${parsed.ok ? parsed.value : ''}`);
  return parsed.message;
}

/** Table of what is read as what. */
function reads(name: KnobName | (string & {}), table: Readonly<Record<string, string>>): void {
  for (const [text, kernel] of Object.entries(table)) {
    it(`${name}: “${text}” is ${JSON.stringify(kernel)}`, () => assert.equal(value(name, text), kernel));
  }
}

describe('sizes', () => {
  reads('memory.max', {
    '100 MB': '100000000',
    '100MB': '100000000',
    '100 mb': '100000000',
    '100M': '104857600',
    '100 MiB': '104857600',
    '1.5 GiB': '1610612736',
    '.5 GiB': '536870912',
    '5.1 kB': '5100',
    '2.3 TB': '2300000000000',
    '8 k': '8192',
    '104857600': '104857600',
    '  104857600 bytes ': '104857600',
    '4096 B': '4096',
    '1.3 MiB': '1363148',
  });

  it('no swap at all is fine, no memory at all is not', () => {
    assert.equal(value('memory.swap.max', '0'), '0');
    assert.match(message('memory.max', '0'), /Below 4096 bytes/);
    assert.match(message('memory.max', '100'), /Did a unit get lost/);
  });

  it('an unknown unit is named, also one that every object has', () => {
    assert.match(message('memory.max', '5 parsecs'), /“parsecs”/);
    assert.match(message('memory.max', '5 constructor'), /Unknown unit “constructor”/);
    assert.match(message('memory.max', '5 %'), /Unknown unit “%”/);
  });

  it('what no machine has and fractions of a byte are refused', () => {
    assert.match(message('memory.max', '99999999 TiB'), /more than any machine/);
    assert.match(message('memory.max', '9'.repeat(400)), /too large/);
    assert.match(message('memory.max', '4096.5 B'), /fraction of a byte/);
  });

  reads('hugetlb.2MB.max', { '4 MiB': '4194304', max: 'max' });
});

describe('cores', () => {
  reads('cpu.max', {
    '0.5': '50000 100000',
    '0.25 cores': '25000 100000',
    '1 core': '100000 100000',
    '2 CPUs': '200000 100000',
    '50 %': '50000 100000',
    '5%': '5000 100000',
    '0.333333': '33333 100000',
    '1%': '1000 100000',
    '50000 100000': '50000 100000',
    '10000 20000': '10000 20000',
    'max 50000': 'max 50000',
    max: 'max 100000',
    '50 % per 20 ms': '10000 20000',
    'max per 1 s': 'max 1000000',
  });

  it('a quota or period that the kernel refuses, and units of memory, are refused', () => {
    assert.match(message('cpu.max', '0.5 %'), /1 % of a core at 100 ms/);
    assert.match(message('cpu.max', '0'), /no less than 1 ms/);
    assert.match(message('cpu.max', '999 100000'), /no less than 1 ms/);
    assert.match(message('cpu.max', '5000 2000000'), /period is from 1 ms to 1 s/);
    assert.match(message('cpu.max', '1 core per 5 parsecs'), /“parsecs”/);
    assert.match(message('cpu.max', '1 MB'), /Unknown unit “MB”/);
    assert.match(message('cpu.max', '100000'), /more than any machine/);
  });
});

describe('counts, weights, switches, times', () => {
  reads('cpu.weight', { '1': '1', '10000': '10000', default: '100' });
  reads('pids.max', { '20 processes': '20', '4194304': '4194304', none: 'max' });
  reads('RLIMIT_NOFILE', { '1024 files': '1024' });
  reads('cpu.idle', { on: '1', Yes: '1', '0': '0', off: '0' });
  reads('cpu.max.burst', {
    '20ms': '20000',
    '20 ms': '20000',
    '500': '500',
    '500 µs': '500',
    '0.02 s': '20000',
    '0': '0',
  });
  reads('RLIMIT_CPU', { '90': '90', '90 s': '90', '5 min': '300', '1h': '3600', unlimited: 'max' });
  reads('memory.low', { none: '0', max: 'max', '64 MiB': '67108864' });

  it('what is out of range, a fraction or of the wrong unit is refused', () => {
    for (const text of ['0', '10001', '1.5', '5 %']) assert.match(message('cpu.weight', text), /from 1 to 10000/, text);
    for (const text of ['0', '4194305', '2.5', '5 MB']) assert.match(message('pids.max', text), /whole number from 1/);
    assert.match(message('cpu.idle', '2'), /on or off/);
    assert.match(message('RLIMIT_CPU', '10 ms'), /At least 1 s/);
    assert.match(message('cpu.max.burst', '20 MB'), /us, ms, s/);
  });

  it('a weight cannot be unlimited, and says what it has instead', () => {
    assert.match(message('cpu.weight', 'max'), /default is 100/);
    assert.match(message('io.weight', 'max'), /default is 100/);
    assert.match(message('cpu.max.burst', 'max'), /default is 0/);
  });
});

describe('lists', () => {
  reads('cpuset.cpus', { '0-2,5': '0-2,5', ' 0 - 2': '0-2', '0, 1': '0,1', '': '', none: '' } as Record<
    string,
    string
  >);
  it('is refused when it is none', () => {
    assert.match(message('cpuset.cpus', 'a'), /“a”/);
    assert.match(message('cpuset.cpus', '3-1'), /ends before it begins/);
    assert.match(message('cpuset.cpus', '-1'), /“-1”/);
  });
});

describe('limits of devices', () => {
  reads('io.max', {
    '8:0 rbps=10 MB/s': '8:0 rbps=10000000 wbps=max riops=max wiops=max',
    '8:0 rbps = 10 MB / s wiops=100': '8:0 rbps=10000000 wbps=max riops=max wiops=100',
    '8:16 riops=5; 8:0 wbps=1M':
      '8:0 rbps=max wbps=1048576 riops=max wiops=max\n8:16 rbps=max wbps=max riops=5 wiops=max',
    '8:0 rbps=max wbps=max riops=max wiops=max': '',
    '8:0 max': '',
    '': '',
    max: '',
  });
  reads('io.weight', {
    '200': 'default 200',
    'default 200': 'default 200',
    '200; 8:0 300': 'default 200\n8:0 300',
    '8:16 5; 8:0 300': 'default 100\n8:0 300\n8:16 5',
    '8:0 default': 'default 100',
    default: 'default 100',
  });

  it('says what is wrong, and with which device', () => {
    assert.match(message('io.max', 'sda rbps=1'), /“sda” is not the number/);
    assert.match(message('io.max', '8:0'), /what of 8:0/);
    assert.match(message('io.max', '8:0 10 MB'), /what of 8:0/);
    assert.match(message('io.max', '8:0 speed=1'), /“speed” cannot be limited/);
    assert.match(message('io.max', '8:0 rbps=0'), /no rate of 0/);
    assert.match(message('io.max', '8:0 riops=1.5'), /riops of 8:0.*whole number/);
    assert.match(message('io.max', '8:0 rbps=1;8:0 wbps=1'), /twice/);
    assert.match(message('io.weight', '8:0 0'), /from 1 to 10000/);
    assert.match(message('io.weight', 'a b c'), /Write a weight/);
  });

  it('rows and text are the same thing', () => {
    const text = '8:0 rbps=max wbps=1048576 riops=max wiops=max\n259:0 rbps=max wbps=max riops=5 wiops=max';
    const parsed = parseIoMax(text);
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.value[0], { device: '8:0', limits: { wbps: 1_048_576 } });
    assert.equal(ioMaxText(parsed.value.toReversed()), text);
  });
});

describe('words and slips', () => {
  const numeric: string[] = knobs
    .filter(({ kind }) => ['bytes', 'count', 'number', 'cpuMax', 'microseconds', 'seconds'].includes(kind))
    .map(({ name }) => name);
  for (const name of numeric) {
    it(`${name}: explains empty, negative, comma and nonsense`, () => {
      assert.match(message(name, '   '), /^Enter a/);
      assert.match(message(name, '-5'), /negative/);
      assert.match(message(name, '1,5'), /point/);
      for (const text of ['abc', '1e9', '0x10', '1 2 3', '5 MB!', 'NaN', 'Infinity', '<img src=x onerror=alert(1)>']) {
        assert.match(message(name, text), /Examples|unit|whole number|from 1 to/, text);
      }
    });
  }

  it('unknown files are taken verbatim', () => assert.equal(value('misc.max', 'res_a 10\n'), 'res_a 10'));
});

describe('formatValue', () => {
  const shown: [string, string, string][] = [
    ['memory.max', '104857600', '100 MiB'],
    ['memory.max', '100000000', '100 MB'],
    ['memory.max', '1610612736', '1.5 GiB'],
    ['memory.max', '99999744', '97656 KiB'],
    ['memory.max', '4097', '4097 B'],
    ['memory.swap.max', '0', '0'],
    ['memory.max', 'max', 'max'],
    ['cpu.max', '50000 100000', '0.5 cores'],
    ['cpu.max', '100000 100000', '1 core'],
    ['cpu.max', 'max 100000', 'max'],
    ['cpu.max', 'max 50000', 'max per 50 ms'],
    ['cpu.max', '10000 20000', '0.5 cores per 20 ms'],
    ['cpu.max', '333333 999983', '333333 999983'],
    ['cpu.idle', '1', 'on'],
    ['cpu.max.burst', '20000', '20 ms'],
    ['cpu.max.burst', '20001', '20001 us'],
    ['RLIMIT_CPU', '90', '90 s'],
    ['RLIMIT_CPU', '3600', '1 h'],
    ['pids.max', '20', '20'],
    ['cpuset.cpus', '0-2,5', '0-2,5'],
    ['io.max', '8:0 rbps=10000000 wbps=max riops=max wiops=100', '8:0 rbps=10 MB/s wiops=100'],
    ['io.weight', 'default 100\n8:0 200', '100; 8:0 200'],
    ['misc.max', 'res_a 10', 'res_a 10'],
  ];
  for (const [name, kernel, text] of shown) {
    it(`${name} ${kernel} is “${text}”, and that is the same again`, () => {
      assert.equal(formatValue(knobOf(name), kernel), text);
      assert.equal(value(name, text), kernel);
    });
  }

  it('is read back as exactly the same value', () => {
    // A fixed multiplicative walk through the whole range: pages, odd bytes, huge sizes.
    let state = 1;
    for (let round = 0; round < 2000; round++) {
      state = (state * 48271) % 2147483647;
      const bytes = 4096 + state * (1 + (state % 4096)) * (round % 7 === 0 ? 4096 : 1);
      if (!Number.isSafeInteger(bytes)) continue;
      assert.equal(value('memory.max', formatValue(knobOf('memory.max'), String(bytes))), String(bytes));
      const cpu = `${1000 + (state % 800_000)} ${1000 + (state % 999_000)}`;
      assert.equal(value('cpu.max', formatValue(knobOf('cpu.max'), cpu)), cpu);
      const time = String(state);
      assert.equal(value('cpu.max.burst', formatValue(knobOf('cpu.max.burst'), time)), time);
    }
  });

  it('every cleared value, every value of a preset and every example is one that the knob takes', () => {
    for (const knob of knobs) {
      assert.equal(value(knob.name, formatValue(knob, knob.cleared)), knob.cleared, knob.name);
      const [example = ''] = examplesOf(knob).split(', ');
      value(knob.name, example);
    }
    for (const { values } of presets) {
      for (const [name, kernel] of Object.entries(values)) {
        assert.equal(value(name, formatValue(knobOf(name), kernel)), kernel);
      }
    }
  });
});

describe('what is shown beside', () => {
  it('rounds sizes, times and usage for reading', () => {
    assert.equal(formatBytes(0), '0 B');
    assert.equal(formatBytes(1023), '1023 B');
    assert.equal(formatBytes(12_939_428), '12.3 MiB');
    assert.equal(formatBytes(536_870_912), '512 MiB');
    assert.equal(formatTime(1_234_567), '1.23 s');
    assert.equal(formatUsage(knobOf('cpu.max'), 0.0512), '5.1 % of a core');
    assert.equal(formatUsage(knobOf('pids.max'), 1), '1 process');
    assert.equal(formatUsage(knobOf('pids.max'), 3), '3 processes');
    assert.equal(formatUsage(knobOf('RLIMIT_NOFILE'), 3), '3 files');
  });

  it('compares what has an order', () => {
    assert.equal(numberOf(knobOf('memory.max'), '5000'), 5000);
    assert.equal(numberOf(knobOf('memory.max'), 'max'), Number.POSITIVE_INFINITY);
    assert.equal(numberOf(knobOf('cpu.max'), '50000 100000'), 0.5);
    assert.equal(numberOf(knobOf('cpu.max'), 'max 100000'), Number.POSITIVE_INFINITY);
    assert.equal(numberOf(knobOf('cpuset.cpus'), '0-2'), undefined);
    assert.equal(numberOf(knobOf('io.max'), ''), undefined);
    assert.equal(numberOf(knobOf('memory.max'), 'nonsense'), undefined);
  });
});

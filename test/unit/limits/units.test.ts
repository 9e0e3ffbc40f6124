import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatBytes, formatLimit, formatUsage, kernelText, parseLimit } from '../../../extension/limits/units.js';
import { type LimitName, type LimitValue, limitNames } from '../../../helper/protocol/limits.js';

function value(name: LimitName, text: string): LimitValue {
  const parsed = parseLimit(name, text);
  assert.ok(parsed.ok, `${name} refused “${text}”: ${parsed.ok ? '' : parsed.message}`);
  return parsed.value;
}

function message(name: LimitName, text: string): string {
  const parsed = parseLimit(name, text);
  assert.ok(!parsed.ok, `${name} took “${text}” for ${parsed.ok ? parsed.value : ''}`);
  return parsed.message;
}

describe('parseLimit: sizes', () => {
  const sizes: [string, number][] = [
    ['100 MB', 100_000_000],
    ['100MB', 100_000_000],
    ['100 mb', 100_000_000],
    ['100M', 104_857_600],
    ['100 MiB', 104_857_600],
    ['1.5 GiB', 1_610_612_736],
    ['.5 GiB', 536_870_912],
    ['5.1 kB', 5100],
    ['2.3 TB', 2_300_000_000_000],
    ['8 k', 8192],
    ['104857600', 104_857_600],
    ['  104857600 bytes ', 104_857_600],
    ['4096 B', 4096],
    ['1.3 MiB', 1_363_148],
  ];
  for (const [text, bytes] of sizes) {
    it(`${text} is ${bytes} bytes`, () => assert.equal(value('memory.max', text), bytes));
  }

  it('takes no swap at all, but not no memory at all', () => {
    assert.equal(value('memory.swap.max', '0'), 0);
    assert.match(message('memory.max', '0'), /one page/);
    assert.match(message('memory.max', '100'), /Did a unit get lost/);
  });

  it('names an unknown unit, and those of prototypes too', () => {
    assert.match(message('memory.max', '5 parsecs'), /“parsecs”/);
    assert.match(message('memory.max', '5 constructor'), /Unknown unit “constructor”/);
    assert.match(message('memory.max', '5 %'), /Unknown unit “%”/);
  });

  it('refuses what no machine has', () => {
    assert.match(message('memory.max', '99999999 TiB'), /more memory than any machine/);
    assert.match(message('memory.max', '9'.repeat(400)), /too large/);
  });

  it('refuses a fraction of a byte', () => {
    assert.match(message('memory.max', '4096.5 B'), /fraction of a byte/);
  });
});

describe('parseLimit: cores', () => {
  const cores: [string, number][] = [
    ['0.5', 0.5],
    ['0.25 cores', 0.25],
    ['1 core', 1],
    ['2 CPUs', 2],
    ['50 %', 0.5],
    ['5%', 0.05],
    ['150%', 1.5],
    ['0.333333', 0.33333],
    ['1%', 0.01],
  ];
  for (const [text, number] of cores)
    it(`${text} is ${number} cores`, () => assert.equal(value('cpu.max', text), number));

  it('refuses a quota below what the kernel takes, and units of memory', () => {
    assert.match(message('cpu.max', '0.5 %'), /no less than 1 %/);
    assert.match(message('cpu.max', '0'), /no less than 1 %/);
    assert.match(message('cpu.max', '1 MB'), /Unknown unit “MB”/);
    assert.match(message('cpu.max', '100000'), /more than any machine/);
  });
});

describe('parseLimit: weights and counts', () => {
  it('takes the range of the kernel', () => {
    assert.equal(value('cpu.weight', '1'), 1);
    assert.equal(value('cpu.weight', '10000'), 10_000);
    assert.equal(value('pids.max', '20 processes'), 20);
    assert.equal(value('pids.max', '4194304'), 4_194_304);
  });

  it('refuses what is outside it, fractions, and the wrong unit', () => {
    for (const text of ['0', '10001', '1.5', '5 %']) assert.match(message('cpu.weight', text), /from 1 to 10000/);
    for (const text of ['0', '4194305', '2.5', '5 MB']) assert.match(message('pids.max', text), /whole number from 1/);
  });
});

describe('parseLimit: words and slips', () => {
  it('clears with max and what people say for it, except a weight', () => {
    for (const name of limitNames.filter((limit) => limit !== 'cpu.weight')) {
      for (const word of ['max', 'MAX', ' unlimited', 'none', 'no limit']) assert.equal(value(name, word), 'max');
    }
    assert.match(message('cpu.weight', 'max'), /default is 100/);
  });

  for (const name of limitNames) {
    it(`${name}: explains empty, negative, comma and nonsense`, () => {
      assert.match(message(name, '   '), /^Enter a/);
      assert.match(message(name, '-5'), /negative/);
      assert.match(message(name, '1,5'), /point/);
      assert.match(message(name, '1,000'), /point/);
      for (const text of ['abc', '1e9', '0x10', '1 2', '5 MB!', 'NaN', 'Infinity', '<img src=x onerror=alert(1)>']) {
        assert.match(message(name, text), /Examples|unit|whole number|from 1 to/, text);
      }
    });
  }
});

describe('formatLimit', () => {
  const shown: [LimitName, LimitValue, string][] = [
    ['memory.max', 104_857_600, '100 MiB'],
    ['memory.max', 100_000_000, '100 MB'],
    ['memory.max', 1_610_612_736, '1.5 GiB'],
    ['memory.max', 99_999_744, '97656 KiB'],
    ['memory.max', 4097, '4097 B'],
    ['memory.swap.max', 0, '0 B'],
    ['memory.max', 'max', 'max'],
    ['cpu.max', 0.5, '0.5 cores'],
    ['cpu.max', 1, '1 core'],
    ['cpu.max', 0.05, '0.05 cores'],
    ['cpu.weight', 100, '100'],
    ['pids.max', 20, '20'],
  ];
  for (const [name, number, text] of shown) {
    it(`${name} ${number} is “${text}”`, () => assert.equal(formatLimit(name, number), text));
  }

  it('is read back as exactly the same value', () => {
    // A fixed multiplicative walk through the whole range: pages, odd bytes, huge sizes.
    let state = 1;
    for (let round = 0; round < 2000; round++) {
      state = (state * 48271) % 2147483647;
      const bytes = 4096 + state * (1 + (state % 4096)) * (round % 7 === 0 ? 4096 : 1);
      if (!Number.isSafeInteger(bytes)) continue;
      assert.equal(value('memory.max', formatLimit('memory.max', bytes)), bytes);
      const cores = (1000 + (state % 800_000)) / 100_000;
      assert.equal(value('cpu.max', formatLimit('cpu.max', cores)), cores);
    }
  });
});

describe('what is shown beside', () => {
  it('writes what the kernel reads', () => {
    assert.equal(kernelText('cpu.max', 0.5), '50000 100000');
    assert.equal(kernelText('cpu.max', 'max'), 'max 100000');
    assert.equal(kernelText('memory.max', 100_000_000), '100000000');
    assert.equal(kernelText('pids.max', 'max'), 'max');
  });

  it('rounds sizes and usage for reading', () => {
    assert.equal(formatBytes(0), '0 B');
    assert.equal(formatBytes(1023), '1023 B');
    assert.equal(formatBytes(12_939_428), '12.3 MiB');
    assert.equal(formatBytes(536_870_912), '512 MiB');
    assert.equal(formatUsage('cpu.max', 0.0512), '5.1 % of a core');
    assert.equal(formatUsage('pids.max', 1), '1 process');
    assert.equal(formatUsage('pids.max', 3), '3 processes');
  });
});

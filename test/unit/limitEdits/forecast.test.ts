import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ForecastFacts } from '../../../helper/limits/forecast/facts.js';
import { forecast } from '../../../helper/limits/forecast/forecast.js';
import type { LimitForecast, LimitReading } from '../../../helper/protocol/index.js';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

function reading(name: string, more: Partial<LimitReading> = {}): [string, LimitReading] {
  return [name, { name, files: [`/c/${name}`], writable: true, ...more }];
}

const machine: ForecastFacts['machine'] = {
  memoryBytes: 4 * GiB,
  swapBytes: GiB,
  swapFreeBytes: GiB,
  cpus: [0, 1],
  nodes: [0],
  pidMax: 32_768,
  isRoot: false,
};

function facts(more: Partial<ForecastFacts> = {}, readings: [string, LimitReading][] = []): ForecastFacts {
  return {
    version: 2,
    live: true,
    running: true,
    readings: new Map([
      reading('memory.max', { value: 'max', usage: 310 * MiB }),
      reading('memory.high', { value: 'max', usage: 310 * MiB }),
      reading('memory.swap.max', { value: 'max', usage: 0 }),
      reading('pids.max', { value: 'max', usage: 30 }),
      ...readings,
    ]),
    tighter: new Map(),
    above: new Map(),
    memory: { reclaimable: 200 * MiB, anonymous: 100 * MiB },
    cores: 0.8,
    io: [],
    disks: [{ number: '8:0', name: 'sda', description: '' }],
    hardLimits: new Map([['RLIMIT_NOFILE', 1024]]),
    machine,
    ...more,
  };
}

function foresee(name: string, value: string, given: ForecastFacts = facts()): LimitForecast {
  const [only] = forecast([{ name, value }], given);
  assert.ok(only);
  assert.equal(only.name, name);
  return only;
}

function says(found: LimitForecast, severity: LimitForecast['severity'], text: RegExp): void {
  assert.match(found.text, text);
  assert.equal(found.severity, severity, found.text);
}

describe('memory.max', () => {
  it('above use: how much of it is used', () => {
    says(foresee('memory.max', String(620 * MiB)), 'plain', /^Uses 310 MiB, 50 % of it; beyond it .* kills/);
  });
  it('a little above use warns', () => {
    says(foresee('memory.max', String(320 * MiB)), 'warning', /97 %/);
  });
  it('below use, when dropping files is enough', () => {
    says(
      foresee('memory.max', String(200 * MiB)),
      'warning',
      /^Uses 310 MiB: the kernel will drop 110 MiB of file cache\.$/,
    );
  });
  it('below use, when some has to be swapped', () => {
    says(foresee('memory.max', String(60 * MiB)), 'warning', /drop 200 MiB of file cache and swap out 50 MiB\.$/);
  });
  it('below use, when swap is not allowed, by itself or in the same go', () => {
    const noSwap = facts({}, [reading('memory.swap.max', { value: '0', usage: 0 })]);
    says(
      foresee('memory.max', String(60 * MiB), noSwap),
      'danger',
      /50 MiB too much .* kill\. So this will be refused/,
    );
    const [, both] = forecast(
      [
        { name: 'memory.swap.max', value: '0' },
        { name: 'memory.max', value: String(60 * MiB) },
      ],
      facts(),
    );
    assert.equal(both?.severity, 'danger');
  });
  it('below use, when there is nothing to take', () => {
    const given = facts({
      memory: { reclaimable: 0, anonymous: 310 * MiB },
      machine: { ...machine, swapFreeBytes: 0 },
    });
    says(foresee('memory.max', String(300 * MiB), given), 'danger', /^Uses 310 MiB: 10 MiB too much are left/);
  });
  it('more than the machine has', () => {
    says(foresee('memory.max', String(8 * GiB)), 'warning', /only 4 GiB: this limits nothing/);
  });
  it('a group above allows less', () => {
    const tighter = new Map([['memory.max', { value: String(512 * MiB), path: '/above' }]]);
    says(
      foresee('memory.max', String(GiB), facts({ tighter })),
      'warning',
      /^Has no effect: .* \/above, allows 512 MiB/,
    );
    says(foresee('memory.max', 'max', facts({ tighter })), 'warning', /^No limit of its own, but .* 512 MiB/);
  });
  it('cleared', () => says(foresee('memory.max', 'max'), 'plain', /^No limit/));
  it('of a container that is stopped', () => {
    const stopped = facts({ live: false, running: false });
    says(foresee('memory.max', String(60 * MiB), stopped), 'plain', /^At the next start: Beyond 60 MiB/);
  });
});

describe('other limits of memory', () => {
  it('memory.high below use slows down and kills nobody', () => {
    says(foresee('memory.high', String(100 * MiB)), 'warning', /slow down .* Nothing is killed/);
    says(foresee('memory.high', String(400 * MiB)), 'plain', /Beyond 400 MiB/);
  });
  it('memory.high above memory.max has no effect', () => {
    const limited = facts({}, [reading('memory.max', { value: String(512 * MiB), usage: MiB })]);
    says(foresee('memory.high', String(GiB), limited), 'warning', /no effect: memory\.max, 512 MiB/);
  });
  it('memory.low and memory.min above memory.max, or more than the group above keeps', () => {
    const limited = facts({}, [reading('memory.max', { value: String(512 * MiB) })]);
    says(foresee('memory.low', String(GiB), limited), 'warning', /More than memory\.max: only 512 MiB/);
    const above = new Map([['memory.min', '0']]);
    says(foresee('memory.min', String(GiB), facts({ above })), 'warning', /group above keeps nothing of memory\.min/);
    says(foresee('memory.min', String(GiB)), 'plain', /Up to 1 GiB are never reclaimed/);
  });
  it('no swap while some is in use, on v2 and on v1', () => {
    const used = [reading('memory.swap.max', { value: 'max', usage: 20 * MiB })];
    says(foresee('memory.swap.max', '0', facts({}, used)), 'warning', /Has 20 MiB in swap: that stays/);
    says(foresee('memory.swap.max', '0', facts({ version: 1 }, used)), 'danger', /refuses unless/);
    says(foresee('memory.swap.max', '0'), 'plain', /Nothing is swapped out/);
    const none = facts({ machine: { ...machine, swapBytes: 0, swapFreeBytes: 0 } });
    says(foresee('memory.swap.max', '0', none), 'plain', /no swap/);
  });
});

describe('CPU', () => {
  it('tighter than what is used: by how much it slows down', () => {
    says(foresee('cpu.max', '25000 100000'), 'warning', /Uses 80 % of a core now: .* 31 % of that/);
    says(foresee('cpu.max', '100000 100000'), 'plain', /At most 100 % of a core; it uses 80 %/);
  });
  it('as many cores as there are', () => {
    says(foresee('cpu.max', '200000 100000'), 'warning', /has 2 CPUs: this limits nothing/);
  });
  it('a group above allows less: v1 refuses', () => {
    const tighter = new Map([['cpu.max', { value: '10000 100000', path: '/above' }]]);
    says(foresee('cpu.max', '50000 100000', facts({ tighter })), 'warning', /no effect.* 10 % of a core/);
    says(foresee('cpu.max', '50000 100000', facts({ tighter, version: 1 })), 'danger', /refuses more/);
  });
  it('CPUs that are not there', () => {
    says(foresee('cpuset.cpus', '5'), 'danger', /There is no CPU 5: this machine has CPUs 0 to 1/);
    says(foresee('cpuset.cpus', '1-2'), 'warning', /no CPU 2/);
    says(foresee('cpuset.cpus', '1'), 'plain', /move to CPU 1 at once/);
    says(foresee('cpuset.mems', '1'), 'danger', /has only memory node 0/);
  });
  it('a weight while only idle CPU is used', () => {
    says(foresee('cpu.weight', '200'), 'plain', /^2 times the usual share/);
    const idle = facts({}, [reading('cpu.idle', { value: '1' })]);
    says(foresee('cpu.weight', '200', idle), 'warning', /no effect while cpu\.idle/);
  });
});

describe('processes', () => {
  it('fewer than there are: nobody is ended', () => {
    says(foresee('pids.max', '20'), 'warning', /30 are there: none is ended, but none can be started until/);
    says(foresee('pids.max', '60'), 'plain', /30 are there, 50 %/);
    says(foresee('pids.max', '32768'), 'warning', /limits nothing/);
  });
  it('limits of each process say what they are', () => {
    says(foresee('RLIMIT_NOFILE', '512'), 'plain', /soft limit, which each may raise/);
    says(foresee('RLIMIT_NOFILE', '2048'), 'danger', /hard limit 1024, .* will be refused/);
    says(foresee('RLIMIT_NOFILE', '2048', facts({ machine: { ...machine, isRoot: true } })), 'plain', /soft limit/);
    says(foresee('RLIMIT_NOFILE', 'max'), 'plain', /As far as the hard limit goes: 1024/);
    const used = facts({}, [reading('RLIMIT_AS', { usage: GiB }), reading('RLIMIT_CPU', { usage: 40 })]);
    says(foresee('RLIMIT_AS', String(100 * MiB), used), 'warning', /One process has 1 GiB of addresses/);
    says(foresee('RLIMIT_CPU', '30', used), 'danger', /One process has used 40 s: it gets SIGXCPU at once/);
  });
  it('without a cgroup they count at once all the same', () => {
    const without = facts({ live: false, version: undefined });
    says(foresee('RLIMIT_NOFILE', '512', without), 'plain', /^At the limit open fails/);
    says(foresee('RLIMIT_NOFILE', '512', facts({ live: false, running: false })), 'plain', /^At the next start: /);
  });
});

describe('disks', () => {
  const busy = facts({ io: [{ device: '8:0', readBytes: 80e6, writtenBytes: 0, reads: 100, writes: 0 }] });
  it('less than is read now', () => {
    says(foresee('io.max', '8:0 rbps=8000000', busy), 'warning', /Reads .* on sda now: .* 10 % of that/);
    says(foresee('io.max', '8:0 riops=50', busy), 'warning', /Makes 100 reads a second on sda now: .* 50 %/);
    says(foresee('io.max', '8:0 wbps=1000000', busy), 'plain', /Limited on sda/);
  });
  it('a disk that is not there', () => {
    says(foresee('io.max', '9:9 rbps=8000000', busy), 'danger', /no disk 9:9: only whole disks/);
    says(foresee('io.weight', 'default 100\n9:9 200', busy), 'danger', /no disk 9:9/);
  });
  it('cleared', () => says(foresee('io.max', '', busy), 'plain', /No disk is limited/));
});

describe('what cannot be told', () => {
  it('a file that is not to be written', () => {
    const foreign = facts({}, [
      reading('pids.max', { writable: false, unavailable: { reason: 'It is root’s.', remedy: '' } }),
    ]);
    says(foresee('pids.max', '5', foreign), 'danger', /^Cannot be set: It is root’s\./);
  });
  it('a file of a later kernel', () => {
    says(foresee('memory.future', 'x'), 'plain', /./);
    says(foresee('misc.max', 'sgx_epc 5'), 'plain', /the kernel says whether it takes it/);
  });
});

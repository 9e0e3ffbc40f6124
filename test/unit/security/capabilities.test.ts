import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { capabilities, capabilityNamesOf, ErrorCode } from '../../../helper/protocol/index.js';
import {
  capability,
  capabilityMask,
  containerCapabilities,
  defaultCapabilities,
} from '../../../helper/security/capabilities.js';

test('names and numbers are the kernel’s', (t) => {
  assert.deepEqual(
    capabilities.map(({ number }) => number),
    Array.from({ length: 41 }, (_, number) => number),
  );
  let header: string;
  try {
    header = readFileSync('/usr/include/linux/capability.h', 'utf8');
  } catch {
    t.skip('linux/capability.h is not installed');
    return;
  }
  const defined = new Map(
    [...header.matchAll(/^#define (CAP_[A-Z_]+)\s+(\d+)$/gm)].map(([, name, n]) => [name, Number(n)]),
  );
  for (const { name, number } of capabilities) {
    assert.equal(defined.get(name), number, name);
  }
});

test('masks and names translate into each other', () => {
  assert.equal(capabilityMask([]), 0n);
  assert.equal(capabilityMask(['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE']), 1n | (1n << 40n));
  assert.equal(capabilityMask(['chown', 'Net_Raw']), 1n | (1n << 13n));
  assert.deepEqual(capabilityNamesOf(0n), []);
  assert.deepEqual(capabilityNamesOf((1n << 41n) | 2n), ['CAP_DAC_OVERRIDE', 'CAP_41']);
  assert.equal(capabilityMask(capabilityNamesOf(0x1ffffffffffn)), 0x1ffffffffffn);
  // What podman shows for its containers' root.
  assert.equal(capabilityMask(defaultCapabilities), 0x800405fbn);
});

test('additions and removals', () => {
  assert.deepEqual(
    containerCapabilities(),
    defaultCapabilities.toSorted((a, b) => capability(a).number - capability(b).number),
  );
  const changed = containerCapabilities({ add: ['NET_RAW'], drop: ['CAP_CHOWN'] });
  assert.ok(changed.includes('CAP_NET_RAW') && !changed.includes('CAP_CHOWN'));
  assert.equal(changed.length, defaultCapabilities.length);
  assert.deepEqual(containerCapabilities({ drop: ['ALL'] }), []);
  assert.deepEqual(containerCapabilities({ drop: ['all'], add: ['CAP_CHOWN'] }), ['CAP_CHOWN']);
  assert.equal(containerCapabilities({ add: ['ALL'], drop: ['SYS_ADMIN'] }).length, capabilities.length - 1);
});

test('unknown names and contradictions are refused', () => {
  for (const change of [
    { add: ['CAP_NOTHING'] },
    { drop: ['toString'] },
    { add: [''] },
    { add: ['chown'], drop: ['CAP_CHOWN'] },
    { add: ['ALL'], drop: ['ALL'] },
  ]) {
    assert.throws(() => containerCapabilities(change), { code: ErrorCode.Invalid });
  }
});

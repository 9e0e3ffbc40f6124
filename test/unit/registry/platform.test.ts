import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlatform } from '../../../cli/registry.js';
import { choosePlatform, formatPlatform } from '../../../helper/registry/platform.js';

const choose = (offered: string[], wanted: string) =>
  offered[
    choosePlatform(
      offered.map((one) => (one === '' ? undefined : parsePlatform(one))),
      parsePlatform(wanted),
    )
  ];

test('the platform that runs there, and of variants the highest that does', () => {
  assert.equal(choose(['linux/amd64', 'linux/arm64'], 'linux/arm64'), 'linux/arm64');
  assert.equal(choose(['linux/arm/v6', 'linux/arm64/v8'], 'linux/arm64'), 'linux/arm64/v8');
  assert.equal(choose(['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v6'), 'linux/arm/v6');
  assert.equal(choose(['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v8'], 'linux/arm/v7'), 'linux/arm/v6');
  assert.equal(choose(['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64'], 'linux/amd64'), 'linux/amd64');
  assert.equal(choose(['linux/amd64', 'linux/amd64/v2'], 'linux/amd64/v3'), 'linux/amd64/v2');
  assert.equal(choose(['linux/amd64/v1'], 'linux/amd64'), 'linux/amd64/v1');
});

test('none when none runs there', () => {
  assert.equal(choose(['linux/amd64/v2'], 'linux/amd64'), undefined);
  assert.equal(choose(['linux/arm64', 'windows/amd64', ''], 'linux/amd64'), undefined);
  assert.equal(choose([], 'linux/amd64'), undefined);
});

test('platforms as they are written', () => {
  for (const text of ['linux/amd64', 'linux/arm/v7']) assert.equal(formatPlatform(parsePlatform(text)), text);
  for (const text of ['linux', 'linux/', '/amd64', 'linux/arm/', 'a/b/c/d', 'linux/am d']) {
    assert.throws(() => parsePlatform(text), /os\/architecture/, text);
  }
});

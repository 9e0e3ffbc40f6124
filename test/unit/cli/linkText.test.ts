import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRate, shapeText } from '../../../cli/linkText.js';

test('rates are read as tc(8) reads them', () => {
  assert.deepEqual(['8000', '500kbit', '1.5Mbit', '2gbit', '9bit'].map(parseRate), [8000, 500_000, 1_500_000, 2e9, 9]);
  for (const wrong of ['', 'fast', '10mb', '-1', '1e3']) assert.throws(() => parseRate(wrong), wrong);
});

test('a link is told in words', () => {
  assert.equal(shapeText({ delayMs: 100, lossPercent: 5, rate: 1_500_000 }), '100 ms later, 5 % lost, 1.5mbit');
  assert.equal(shapeText({ down: true }), 'cut');
  assert.equal(shapeText({}), 'as it is');
});

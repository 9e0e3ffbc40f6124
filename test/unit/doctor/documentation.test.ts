import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { documentationOf } from '../../../extension/machine/doctorText.js';
import { lineIds, lineShapes } from '../../../helper/doctor/lines.js';

// From dist/test/unit/doctor to the checkout.
const text = readFileSync(path.resolve(__dirname, '../../../../docs/doctor.md'), 'utf8');
const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);

test('docs/doctor.md has a section for every line of the doctor, in its order, and no other', () => {
  assert.deepEqual(headings, lineIds);
});

test('no two lines have the same title, and each says what needs it', () => {
  const titles = lineIds.map((id) => lineShapes[id].title);
  assert.equal(new Set(titles).size, titles.length);
  for (const id of lineIds) assert.ok(lineShapes[id].features.length > 0, id);
});

test('what is opened for a line is its section alone', () => {
  for (const id of lineIds) {
    const section = documentationOf(id, text);
    assert.ok(section.startsWith(`## ${id}\n`), id);
    assert.equal([...section.matchAll(/^## /gm)].length, 1, id);
    assert.ok(section.trim().length > `## ${id}\n\n`.length + 10, `${id} says something`);
  }
  assert.equal(documentationOf('cgroup', text).includes('delegate.conf'), true);
  assert.equal(documentationOf('no-such-line', text), text);
});

test('links between sections lead somewhere', () => {
  for (const [, anchor] of text.matchAll(/\]\(#([^)]+)\)/g)) assert.ok(headings.includes(anchor), anchor);
});

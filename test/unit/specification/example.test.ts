import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exampleSpecification } from '../../../extension/specification/example.js';
import { parseText } from '../../../extension/specification/parse.js';
import { parseSpecification, specificationSchema } from '../../../helper/specification/schema.js';
import snippets from '../../../helper/specification/snippets.json' with { type: 'json' };

/** The example with its commented-out fields put in, as somebody who tries each of them would. */
function uncommented(text: string): string {
  return text.replace(
    /^(\s*)\/\/ (?=("timeOffsets"|"namespaces"|"ports"|"resources"|"group"|"nestedNamespaces"| {2}"|}|, \{ "destination"))/gm,
    '$1',
  );
}

function read(text: string): unknown {
  const parsed = parseText(text);
  assert.ok(parsed.ok, parsed.ok ? '' : `${parsed.message} at ${text.slice(parsed.offset, parsed.offset + 40)}`);
  return parsed.value;
}

describe('the example of a specification', () => {
  it('is valid as it stands, and asks for nothing of the machine', () => {
    const specification = parseSpecification(read(exampleSpecification('demo')));
    assert.equal(specification.name, 'demo');
    assert.equal(specification.hostname, 'demo');
    assert.deepEqual(specification.network, { kind: 'none' });
    assert.equal(
      specification.mounts?.some(({ source }) => source !== undefined),
      false,
    );
  });

  it('is valid with all that is commented out, and then has every field of the schema but five', () => {
    const specification = parseSpecification(read(uncommented(exampleSpecification('demo'))));
    assert.equal(specification.resources?.memory?.limit, 104_857_600);
    assert.equal(specification.mounts?.length, 2);
    const missing = Object.keys(specificationSchema.shape).filter(
      (field) => !Object.hasOwn(specification, field) && field !== '$schema',
    );
    // These weaken isolation, repeat defaults or exclude others: the hover says what they are for.
    assert.deepEqual(missing.sort(), ['chroot', 'maskedPaths', 'oomScoreAdj', 'pod', 'readonlyPaths']);
  });

  it('keeps a name with quotes inside its string', () => {
    assert.equal((read(exampleSpecification('a"b')) as { name: string }).name, 'a"b');
  });
});

describe('parseText', () => {
  it('takes comments and a trailing comma', () => {
    assert.deepEqual(parseText('// c\n{ "a": [1,], /* d */ }'), { ok: true, value: { a: [1] } });
  });

  it('says what is wrong, and where', () => {
    const parsed = parseText('{ "a": }');
    assert.deepEqual(parsed, { ok: false, message: 'Value expected', offset: 7, length: 1 });
  });

  it('refuses an empty text', () => {
    assert.equal(parseText('').ok, false);
  });
});

describe('the snippets of the schema', () => {
  for (const [field, list] of Object.entries(snippets)) {
    for (const { label, body } of list) {
      it(`${field}: “${label}” is valid when taken as it is`, () => {
        const taken = JSON.stringify(body).replace(/\$\{\d:([^}]*)\}/g, '$1');
        assert.doesNotMatch(taken, /\$/);
        parseSpecification({ [field]: JSON.parse(taken) });
      });
    }
  }
});

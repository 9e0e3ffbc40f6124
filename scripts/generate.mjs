// Writes native/stage/steps.generated.h from helper/plan/step.ts, so that encoder and decoder cannot drift apart.
// With --check it only compares, and fails when the committed header is another.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
export const headerFile = path.join(root, 'native/stage/steps.generated.h');

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const upper = (name) => snake(name).toUpperCase();
const cTypes = {
  u32: 'uint32_t ',
  u64: 'uint64_t ',
  string: 'const char *',
  strings: 'struct field_strings ',
  bytes: 'struct field_bytes ',
};

async function readShapes() {
  const bundle = await build({
    entryPoints: [path.join(root, 'helper/plan/step.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const source = Buffer.from(bundle.outputFiles[0].contents).toString('base64');
  return (await import(`data:text/javascript;base64,${source}`)).stepShapes;
}

/** The text of the header, for the shapes in helper/plan/step.ts as they are now. */
export async function generateHeader() {
  const shapes = Object.entries(await readShapes());
  const codes = new Set(shapes.map(([, shape]) => shape.code));
  if (codes.size !== shapes.length) throw new Error('two steps share a code');
  const fieldsOf = (shape) => Object.entries(shape.fields);

  const lines = [
    '/* Made by scripts/generate.mjs from helper/plan/step.ts: do not edit. */',
    '#ifndef TERRARIUM_STEPS_GENERATED_H',
    '#define TERRARIUM_STEPS_GENERATED_H',
    '',
    '#include <stddef.h>',
    '#include <stdint.h>',
    '',
    'enum field_type { FIELD_U32, FIELD_U64, FIELD_STRING, FIELD_STRINGS, FIELD_BYTES };',
    'enum step_actor { ACTOR_MONITOR, ACTOR_INIT, ACTOR_ANY };',
    '',
    '/* `items` ends with a NULL that `count` leaves out. */',
    'struct field_strings {',
    '  const char **items;',
    '  uint32_t count;',
    '};',
    '',
    '/* Not aligned: it lies in the plan as it was received. */',
    'struct field_bytes {',
    '  const uint8_t *data;',
    '  uint32_t length;',
    '};',
    '',
    'enum step_code {',
    ...shapes.map(([name, shape]) => `  STEP_${upper(name)} = ${shape.code},`),
    '};',
    '',
  ];
  for (const [name, shape] of shapes) {
    if (fieldsOf(shape).length === 0) continue;
    lines.push(`struct step_${snake(name)} {`);
    for (const [field, type] of fieldsOf(shape)) lines.push(`  ${cTypes[type]}${snake(field)};`);
    lines.push('};', '');
  }
  lines.push('union step_fields {');
  for (const [name, shape] of shapes) {
    if (fieldsOf(shape).length > 0) lines.push(`  struct step_${snake(name)} ${snake(name)};`);
  }
  lines.push('};', '');
  lines.push('struct field_shape {', '  uint8_t type;', '  uint8_t offset;', '};', '');
  for (const [name, shape] of shapes) {
    if (fieldsOf(shape).length === 0) continue;
    lines.push(`static const struct field_shape fields_${snake(name)}[] = {`);
    for (const [field, type] of fieldsOf(shape)) {
      lines.push(`    {FIELD_${type.toUpperCase()}, offsetof(struct step_${snake(name)}, ${snake(field)})},`);
    }
    lines.push('};');
  }
  lines.push(
    '',
    'struct step_shape {',
    '  const char *name; /* NULL: there is no step of this code */',
    '  uint8_t actor;',
    '  uint8_t field_count;',
    '  const struct field_shape *fields;',
    '};',
    '',
    '/* Indexed by code. */',
    'static const struct step_shape step_shapes[] = {',
  );
  for (const [name, shape] of shapes) {
    const fields = fieldsOf(shape).length;
    lines.push(
      `    [STEP_${upper(name)}] = {"${name}", ACTOR_${shape.actor.toUpperCase()}, ${fields}, ${fields > 0 ? `fields_${snake(name)}` : 'NULL'}},`,
    );
  }
  lines.push('};', `enum { STEP_CODES = ${Math.max(...codes) + 1} };`, '', '#endif', '');
  return lines.join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const header = await generateHeader();
  const isCurrent = existsSync(headerFile) && readFileSync(headerFile, 'utf8') === header;
  if (!process.argv.includes('--check')) {
    // Untouched when nothing changed: everything in C depends on it.
    if (!isCurrent) writeFileSync(headerFile, header);
  } else if (!isCurrent) {
    process.stderr.write('native/stage/steps.generated.h is out of date: run node scripts/generate.mjs\n');
    process.exit(1);
  }
}

// Writes the JSON schema of *.terrarium.json, with which the editor completes, explains and checks such files. It is
// made from the schema that the helper itself checks with, so that the two cannot differ.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');

/** The schema as an object: JSON Schema draft 7, which VS Code knows best, with its extensions for snippets and comments. */
export async function specificationJsonSchema() {
  const source = [
    "import * as z from 'zod';",
    "import { specificationSchema } from './helper/specification/schema.ts';",
    "export const schema = z.toJSONSchema(specificationSchema, { target: 'draft-7', io: 'input' });",
  ].join('\n');
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  const bundle = Buffer.from(outputFiles[0].contents).toString('base64');
  const { schema } = await import(`data:text/javascript;base64,${bundle}`);
  const snippets = JSON.parse(await readFile(path.join(root, 'extension/specification/snippets.json'), 'utf8'));
  for (const [field, list] of Object.entries(snippets)) {
    if (schema.properties[field] === undefined) throw new Error(`There is a snippet for “${field}”, which is no field`);
    schema.properties[field].defaultSnippets = list;
  }
  return { ...schema, title: 'Terrarium container', allowComments: true, allowTrailingCommas: true };
}

/** Writes it into the folder of bundles, where package.json's `jsonValidation` names it. */
export async function writeSpecificationSchema(folder) {
  await mkdir(folder, { recursive: true });
  const schema = await specificationJsonSchema();
  await writeFile(path.join(folder, 'specification.schema.json'), JSON.stringify(schema, undefined, 1));
}

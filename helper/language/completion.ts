/**
 * What specification files are completed against: the grammar as a JSON schema, with the words that the grammar leaves open
 * and the names that this machine has. Pure.
 */
import type { JSONSchema } from 'vscode-json-languageservice';
import { z } from 'zod';
import { usersOf } from '../inspect/user.js';
import { capabilities, outboundNetwork } from '../protocol/index.js';
import { defaultCapabilities } from '../security/capabilities.js';
import { systemCallNumbers } from '../security/seccomp/architecture.js';
import { profileFileSchema } from '../security/seccomp/profileFile.js';
import { defaultMaskedPaths, defaultPath, defaultReadonlyPaths } from '../specification/complete.js';
import { specificationSchema } from '../specification/schema.js';
import snippets from '../specification/snippets.json';
import type { Facts } from './facts.js';
import {
  bindOptions,
  cgroupFiles,
  rlimits,
  seccompActions,
  seccompArchitectures,
  sysctls,
  tmpfsOptions,
  type Word,
} from './vocabulary.js';

/** What completion has to know of the machine. */
export type Names = Pick<Facts, 'images' | 'containers' | 'networks' | 'pods' | 'root'>;

/** The grammar as JSON schema: draft 7 is what the language service knows best. */
export function grammarSchema(): JSONSchema {
  return z.toJSONSchema(specificationSchema, { target: 'draft-7', io: 'input' }) as JSONSchema;
}

/** The schema that a file is completed against. Pure. */
export function completionSchema(names: Names): JSONSchema {
  const schema = grammarSchema();
  joinObjects(at(schema, 'seccomp'));
  for (const [field, list] of Object.entries(snippets)) at(schema, field).defaultSnippets = list;
  for (const [pattern, words] of Object.entries(openWords(names))) offer(at(schema, ...pattern.split(' ')), words);
  offerKeys(at(schema, 'resources', 'unified'), cgroupFiles);
  offerKeys(at(schema, 'sysctl'), sysctls);
  // The same word twice in one list is never meant.
  for (const list of [
    'capabilities add',
    'capabilities drop',
    'seccomp syscalls [] names',
    'seccomp allow',
    'mounts [] options',
  ])
    at(schema, ...list.split(' ')).uniqueItems = true;
  return schema;
}

const joinable = ['uts', 'ipc', 'pid', 'user', 'cgroup', 'time'];

/** Words by the place they belong to: names of fields, `[]` for the items of a list. */
function openWords({ images, containers, networks, pods, root }: Names): Record<string, readonly Word[]> {
  const capabilityWords = capabilities.map(({ name, allows }) => ({ word: name, meaning: allows }));
  const isDefault = ({ word }: Word) => defaultCapabilities.some((name) => name === word);
  const users = root.kind === 'found' ? usersOf(root.users) : [];
  const image = root.kind === 'found' ? root.image : undefined;
  const others = containers.map(({ name, state }) => ({ word: name, meaning: state }));
  return {
    'root name': images.map(({ name, digest }) => ({ word: name, meaning: digest })),
    'network container': others,
    ...Object.fromEntries(joinable.map((type) => [`namespaces ${type} container`, others])),
    'network network': [
      ...networks.map(({ name, subnet }) => ({ word: name, meaning: subnet })),
      ...(networks.some(({ name }) => name === outboundNetwork)
        ? []
        : [{ word: outboundNetwork, meaning: 'A way out, made when it is first needed' }]),
    ],
    pod: pods.map(({ name, shares }) => ({ word: name, meaning: `shares ${shares.join(', ')}` })),
    user: users.map(({ name, uid }) => ({ word: name, meaning: `uid ${uid} in the root` })),
    'env []': [defaultPath, 'LANG=C.UTF-8', ...(image?.env ?? [])].map((word) => ({
      word,
      meaning: image?.env.includes(word) ? 'As the image has it' : 'NAME=value',
    })),
    'args []': (image?.args ?? []).map((word) => ({ word, meaning: 'As the image has it' })),
    'capabilities add []': capabilityWords.filter((word) => !isDefault(word)),
    'capabilities drop []': capabilityWords.filter(isDefault),
    'mounts [] options []': [
      ...bindOptions,
      ...tmpfsOptions.filter(({ word }) => bindOptions.every((other) => other.word !== word)),
    ],
    'rlimits [] type': entries(rlimits),
    ...Object.fromEntries(Object.entries(profileWords()).map(([place, words]) => [`seccomp ${place}`, words])),
    'seccomp allow []': callWords(),
    'maskedPaths []': defaultMaskedPaths.map((word) => ({ word, meaning: 'Hidden by default' })),
    'readonlyPaths []': defaultReadonlyPaths.map((word) => ({ word, meaning: 'Read-only by default' })),
  };
}

/** The words of a seccomp profile, by the place they belong to. */
function profileWords(): Record<string, readonly Word[]> {
  return {
    defaultAction: entries(seccompActions),
    'syscalls [] action': entries(seccompActions),
    'syscalls [] names []': callWords(),
    'architectures []': seccompArchitectures,
  };
}

/** The schema that a file with a seccomp profile is completed against. Pure. */
export function profileCompletionSchema(): JSONSchema {
  const schema = profileSchema();
  for (const [pattern, words] of Object.entries(profileWords())) offer(at(schema, ...pattern.split(' ')), words);
  at(schema, 'syscalls', '[]', 'names').uniqueItems = true;
  return schema;
}

/** The grammar of such files as JSON schema. */
export function profileSchema(): JSONSchema {
  return z.toJSONSchema(profileFileSchema, { target: 'draft-7', io: 'input' }) as JSONSchema;
}

function callWords(): Word[] {
  return Object.keys({ ...systemCallNumbers.x64, ...systemCallNumbers.arm64 })
    .sort()
    .map((word) => ({ word, meaning: callText(word) }));
}

/** The service completes by the alternative that fits best, which of a file that is being written is a guess: one has all fields. */
function joinObjects(schema: JSONSchema): void {
  const alternatives = (schema.anyOf ?? []).filter((one) => typeof one === 'object');
  const [first, ...others] = alternatives.filter(({ type }) => type === 'object');
  if (first === undefined) return;
  first.properties = Object.assign({}, ...others.map(({ properties }) => properties), first.properties);
  delete first.required;
  schema.anyOf = [...alternatives.filter(({ type }) => type !== 'object'), first];
}

const entries = (table: Readonly<Record<string, string>>): Word[] =>
  Object.entries(table).map(([word, meaning]) => ({ word, meaning }));

/** Numbers of a system call, where there is one. */
export function callText(name: string): string {
  const numbers = (['x64', 'arm64'] as const).flatMap((architecture) => {
    const table = systemCallNumbers[architecture];
    return Object.hasOwn(table, name) ? [`${table[name]} on ${architecture === 'x64' ? 'x86-64' : 'arm64'}`] : [];
  });
  return numbers.length === 0 ? 'No system call of x86-64 or arm64' : `System call ${numbers.join(', ')}`;
}

/** Among alternatives, the one that has the field. @throws Error when the grammar has no such place: a defect */
export function at(schema: JSONSchema, ...path: readonly string[]): JSONSchema {
  const [step, ...rest] = path;
  if (step === undefined) return schema;
  const alternatives = [schema, ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].filter(
    (one) => typeof one === 'object',
  );
  const next = alternatives
    .map((one) => (step === '[]' ? one.items : one.properties?.[step]))
    .find((one) => typeof one === 'object' && !Array.isArray(one));
  if (typeof next !== 'object' || Array.isArray(next)) throw new Error(`The grammar has no ${step}`);
  return at(next, ...rest);
}

/** As choices with their meaning; the service checks nothing here, so other values stay as good. */
function offer(schema: JSONSchema, words: readonly Word[]): void {
  schema.enum = words.map(({ word }) => word);
  schema.enumDescriptions = words.map(({ meaning }) => meaning);
}

function offerKeys(schema: JSONSchema, words: readonly Word[]): void {
  schema.properties = Object.fromEntries(
    words.map(({ word, meaning }) => [word, { type: 'string', description: meaning }]),
  );
}

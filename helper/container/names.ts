import { randomInt } from 'node:crypto';

const qualities = [
  'amber',
  'bright',
  'calm',
  'dewy',
  'early',
  'fresh',
  'gentle',
  'hardy',
  'keen',
  'lively',
  'mellow',
  'mossy',
  'nimble',
  'quiet',
  'shady',
  'silver',
  'sunny',
  'tidy',
  'tiny',
  'warm',
];
const dwellers = [
  'aloe',
  'basil',
  'beetle',
  'cactus',
  'clover',
  'cricket',
  'fern',
  'gecko',
  'ivy',
  'lichen',
  'lily',
  'moss',
  'newt',
  'orchid',
  'pebble',
  'sedum',
  'snail',
  'spider',
  'toad',
  'turtle',
];

/** A name that is easy to say and to type. `isTaken` is asked until one is free. */
export async function inventName(isTaken: (name: string) => Promise<boolean>): Promise<string> {
  const pick = (words: readonly string[]) => words[randomInt(words.length)] ?? '';
  for (let attempt = 0; ; attempt++) {
    const plain = `${pick(qualities)}-${pick(dwellers)}`;
    const name = attempt < 20 ? plain : `${plain}-${randomInt(1000, 1_000_000)}`;
    if (!(await isTaken(name))) return name;
  }
}

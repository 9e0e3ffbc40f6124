import { InvalidArgumentError } from 'commander';
import type { LinkShape } from '../helper/protocol/index.js';

/** tc(8): decimal prefixes, and bits a second without one. */
const units: readonly (readonly [string, number])[] = [
  ['gbit', 1e9],
  ['mbit', 1e6],
  ['kbit', 1e3],
  ['bit', 1],
];

/** `500kbit`, `10mbit`, `8000`: bits a second. */
export function parseRate(text: string): number {
  const [, number = '', unit = 'bit'] = /^(\d+(?:\.\d+)?)([kmg]?bit)?$/i.exec(text) ?? [];
  const factor = units.find(([name]) => name === unit.toLowerCase())?.[1];
  if (number === '' || factor === undefined) {
    throw new InvalidArgumentError('Use a number of bits a second, such as 500kbit or 10mbit.');
  }
  return Number(number) * factor;
}

/** For people: `100 ms later, 5 % lost, 1mbit`. */
export function shapeText({ delayMs, lossPercent, rate, down }: LinkShape): string {
  const parts = [
    ...(down === true ? ['cut'] : []),
    ...(delayMs === undefined ? [] : [`${delayMs} ms later`]),
    ...(lossPercent === undefined ? [] : [`${lossPercent} % lost`]),
    ...(rate === undefined ? [] : [rateText(rate)]),
  ];
  return parts.length === 0 ? 'as it is' : parts.join(', ');
}

function rateText(rate: number): string {
  const [unit, factor] = units.find(([, size]) => rate >= size) ?? ['bit', 1];
  return `${Number((rate / factor).toPrecision(4))}${unit}`;
}

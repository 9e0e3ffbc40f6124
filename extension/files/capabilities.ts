import { capabilities, capabilityNamesOf, parseFileCapabilities } from '../../helper/protocol/index.js';

const information = 1;
const allows = new Map<string, string>(capabilities.map((capability) => [capability.name, capability.allows]));

/**
 * About file capabilities that are being typed: what is wrong with them, or what they will allow. Nothing for none, which removes
 * them.
 */
export function capabilitiesMessage(text: string): string | { message: string; severity: 1 } | undefined {
  if (text.trim() === '') return undefined;
  const parsed = parseFileCapabilities(text);
  if ('problem' in parsed) return parsed.problem;
  const lines = allowedBy(parsed.permitted | parsed.inheritable);
  return { message: lines.length === 0 ? 'None: they are removed' : lines.join('. '), severity: information };
}

/** What capabilities of a file allow, a sentence for each of the first few. */
export function capabilitiesMeaning(text: string): string[] {
  const parsed = parseFileCapabilities(text);
  return 'problem' in parsed ? [] : allowedBy(parsed.permitted | parsed.inheritable).map((line) => `${line}.`);
}

const shown = 4;

/** A line for each of the first few, and how many more there are. */
function allowedBy(mask: bigint): string[] {
  const names = capabilityNamesOf(mask);
  const more = names.length - shown;
  const lines = names.slice(0, shown).map((name) => `${name}: ${allows.get(name) ?? 'not known here'}`);
  return more > 0 ? [...lines, `And ${more} more`] : lines;
}

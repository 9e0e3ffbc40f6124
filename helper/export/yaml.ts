/** What a document is made of. */
export type YamlValue =
  | string
  | number
  | boolean
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue | undefined };

/** Words that need no quotes and mean nothing but themselves in any YAML. */
const plain = /^[A-Za-z][A-Za-z0-9./-]*$/;
const reserved = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

/**
 * Writes a document in block style. Strings that are more than plain words are quoted as JSON does, which YAML reads the
 * same. Keys are words of ours. Empty lists and maps are left to the caller to leave out.
 */
export function formatYaml(value: YamlValue, indent = ''): string {
  if (Array.isArray(value)) {
    return value.map((item: YamlValue) => `${indent}- ${inline(item, `${indent}  `)}`).join('');
  }
  if (typeof value === 'object') {
    return Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => `${indent}${key}:${nested(item as YamlValue, indent)}`)
      .join('');
  }
  return `${indent}${scalar(value)}\n`;
}

function nested(value: YamlValue, indent: string): string {
  if (typeof value !== 'object') return ` ${scalar(value)}\n`;
  return `\n${formatYaml(value, `${indent}  `)}`;
}

/** The first key of a map stands beside the dash. */
function inline(value: YamlValue, indent: string): string {
  return formatYaml(value, indent).slice(indent.length);
}

function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  // U+2028 and U+2029 end lines in YAML, and DEL to NEL are not printable there; JSON leaves all of them as they are.
  if (plain.test(value) && !reserved.test(value)) return value;
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text of a specification file, and where in it a value stands. Pure. */
import {
  findNodeAtLocation,
  findNodeAtOffset,
  getNodePath,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';

/** Names and indexes from the root of a file to a value in it. */
export type Path = readonly (string | number)[];

/** Offsets in UTF-16 units. */
export interface Span {
  start: number;
  end: number;
}

export interface SpecificationText {
  text: string;
  /** Absent for a text without a value. */
  root?: Node;
  /** The editor's JSON support shows them; what is read of such a text is a guess. */
  syntaxErrors: readonly { start: number; message: string }[];
}

/** Reads JSON with comments and trailing commas, as far as it can be read: a person may be in the middle of a word. */
export function readText(text: string): SpecificationText {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true });
  return {
    text,
    ...(root === undefined ? {} : { root }),
    syntaxErrors: errors.map(({ offset, error }) => ({ start: offset, message: printParseErrorCode(error) })),
  };
}

export function contentOf(document: SpecificationText): unknown {
  return document.root === undefined ? undefined : getNodeValue(document.root);
}

/**
 * Where something about the value at `path` is underlined: a plain value itself, of objects and lists their name. What
 * is not there is underlined where it is missing.
 */
export function spanOf(document: SpecificationText, path: Path): Span {
  const { root } = document;
  if (root === undefined) return { start: 0, end: document.text.length };
  for (let length = path.length; length > 0; length--) {
    const node = findNodeAtLocation(root, path.slice(0, length));
    if (node !== undefined)
      return length === path.length || node.children !== undefined ? shown(node) : spanOfNode(node);
  }
  return shown(root);
}

/** Where the name of a property is written; its object, when there is none of that name. */
export function spanOfKey(document: SpecificationText, object: Path, key: string): Span {
  const parent = document.root && findNodeAtLocation(document.root, [...object]);
  const property = parent?.children?.find(({ children }) => children?.[0]?.value === key)?.children?.[0];
  return property === undefined ? spanOf(document, object) : spanOfNode(property);
}

/** A whole object would underline half a file. */
function shown(node: Node): Span {
  if (node.children === undefined) return spanOfNode(node);
  const name = node.parent?.type === 'property' ? node.parent.children?.[0] : undefined;
  return name === undefined ? { start: node.offset, end: node.offset + 1 } : spanOfNode(name);
}

const spanOfNode = (node: Node): Span => ({ start: node.offset, end: node.offset + node.length });

/** What is written at a place: the name of a field, or a plain value. */
export interface Written {
  kind: 'name' | 'value';
  /** Of the field, or of the value. */
  path: Path;
  value: unknown;
  span: Span;
}

/** The field name or plain value at an offset; undefined in between, and in comments. */
export function writtenAt(document: SpecificationText, offset: number): Written | undefined {
  const node = document.root && findNodeAtOffset(document.root, offset);
  if (node === undefined || node.children !== undefined) return undefined;
  const property = node.parent?.type === 'property' ? node.parent : undefined;
  const isName = property !== undefined && property.children?.[0] === node;
  const field = property?.children?.[1];
  return {
    kind: isName ? 'name' : 'value',
    path: isName ? [...getNodePath(property.parent ?? property), String(node.value)] : getNodePath(node),
    value: isName ? field && getNodeValue(field) : node.value,
    span: spanOfNode(node),
  };
}

/** A path with every index as `[]`, for looking things up: `mounts[].options[]`. */
export function patternOf(path: Path): string {
  return path.map((part, at) => (typeof part === 'number' ? '[]' : `${at === 0 ? '' : '.'}${part}`)).join('');
}

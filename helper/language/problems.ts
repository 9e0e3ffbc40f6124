/** What is wrong with a specification file, each problem where it is written. Pure. */
import type { ContainerSpecification } from '../protocol/index.js';
import { checkSpecification } from '../specification/schema.js';
import { contentOf, type Path, type Span, type SpecificationText, spanOf, spanOfKey } from './document.js';
import { type Facts, type FilePlace, withAbsolutePaths } from './facts.js';
import { misgivingsOf } from './issues.js';
import { misgivings } from './misgivings.js';

/** `error`: it cannot be launched as it is; `warning`: perhaps not now; `information`: it has no effect. */
export type Severity = 'error' | 'warning' | 'information';

/** Something wrong with the value at a path, or with the name of one of its fields. */
export interface Misgiving {
  path: Path;
  key?: string;
  severity: Severity;
  message: string;
}

export interface Problem extends Misgiving {
  span: Span;
}

/** A file read against the grammar: what is sound of it, and what is not. */
export interface Reading {
  /** With absolute paths. Fields that the grammar refuses are left out, so that the others can be judged. */
  specification: ContainerSpecification;
  problems: Misgiving[];
}

/** Holds the value of a file against the grammar. */
export function readSpecification(document: SpecificationText, place: FilePlace): Reading {
  const value = withAbsolutePaths(contentOf(document), place);
  const checked = checkSpecification(value);
  if (checked.success) return { specification: checked.specification, problems: [] };
  const problems = checked.error.issues.flatMap((issue) => misgivingsOf(issue));
  const broken = new Set(problems.map(({ path, key }) => path[0] ?? key));
  const rest = checkSpecification(
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).filter(([field]) => !broken.has(field)))
      : {},
  );
  return { specification: rest.success ? rest.specification : {}, problems };
}

/** Everything there is to say about a file, in the order of its text. */
export function findProblems(document: SpecificationText, reading: Reading, facts: Facts): Problem[] {
  return [...reading.problems, ...misgivings(reading.specification, facts)]
    .map((misgiving) => ({ ...misgiving, span: place(document, misgiving) }))
    .sort((a, b) => a.span.start - b.span.start);
}

function place(document: SpecificationText, { path, key }: Misgiving): Span {
  return key === undefined ? spanOf(document, path) : spanOfKey(document, path, key);
}

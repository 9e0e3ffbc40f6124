import * as path from 'node:path/posix';

export const ledgerScheme = 'terrarium-ledger';

export type LedgerFormat = 'markdown' | 'script';

/** Which ledger a document shows. The `title` is only for people: it names the tab. */
export interface LedgerAddress {
  container: string;
  operation: string;
  format: LedgerFormat;
}

/** Path and query of the document's URI: the ending of the path makes the editor choose the language. */
export function ledgerUriParts(address: LedgerAddress, title: string): { path: string; query: string } {
  const ending = address.format === 'script' ? 'sh' : 'md';
  const name = `${title} ${address.operation}`.replace(/[^\p{L}\p{N} ._-]/gu, '_');
  return { path: path.join('/', `${name}.${ending}`), query: new URLSearchParams({ ...address }).toString() };
}

/** Reads the query back; undefined when the URI is none of ours. */
export function parseLedgerQuery(query: string): LedgerAddress | undefined {
  const parameters = new URLSearchParams(query);
  const container = parameters.get('container');
  const operation = parameters.get('operation');
  const format = parameters.get('format');
  if (container === null || operation === null || (format !== 'markdown' && format !== 'script')) return undefined;
  return { container, operation, format };
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatDuration } from '../../../extension/ledger/describeOperation.js';
import { type LedgerAddress, ledgerUriParts, parseLedgerQuery } from '../../../extension/ledger/ledgerUri.js';

describe('addresses of ledgers', () => {
  const address: LedgerAddress = { container: 'a&b=c d', operation: 'start-1', format: 'script' };

  it('are read back as they were written', () => {
    assert.deepEqual(parseLedgerQuery(ledgerUriParts(address, 'web').query), address);
  });

  it('end so that the editor chooses the language, and hold no other path', () => {
    assert.equal(ledgerUriParts(address, 'web').path, '/web start-1.sh');
    assert.equal(ledgerUriParts({ ...address, format: 'markdown' }, '../../etc/x').path, '/.._.._etc_x start-1.md');
  });

  it('are refused when something is missing or unknown', () => {
    for (const query of ['', 'container=a', 'container=a&operation=b&format=pdf']) {
      assert.equal(parseLedgerQuery(query), undefined);
    }
  });
});

describe('formatDuration', () => {
  it('chooses the unit in which it is short', () => {
    assert.equal(formatDuration(420_000), '420 µs');
    assert.equal(formatDuration(2_234_000), '2.23 ms');
    assert.equal(formatDuration(1_500_000_000), '1.5 s');
  });
});

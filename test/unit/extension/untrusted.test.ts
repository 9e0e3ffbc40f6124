import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  documentText,
  iconSafeText,
  messageText,
  plainText,
  terminalText,
  tooltipText,
} from '../../../extension/text/untrusted.js';

describe('text of others', () => {
  it('stays as it is when it is harmless, in any script', () => {
    for (const text of ['web', 'Größe 12 µs', 'コンテナ', 'מכולה', 'a  b', '🌱 sprout']) {
      assert.equal(plainText(text), text);
    }
  });

  it('is one visible line', () => {
    assert.equal(plainText('a\r\nb\tc\x1b[31mred\x07'), 'a b c [31mred');
    assert.equal(plainText('one\u2028two\u2029three\u0085four'), 'one two three four');
    assert.equal(plainText('  \n padded \n'), 'padded');
  });

  it('cannot turn its direction or hide characters', () => {
    assert.equal(plainText('invoice\u202Egpj.exe'), 'invoicegpj.exe');
    assert.equal(plainText('\u2066a\u2069\u200Bb\u200D\uFEFFc\u00ADd\u{E0041}'), 'abcd');
  });

  it('has no half characters, and is cut between characters', () => {
    assert.equal(plainText('x\uD83Cy'), 'x\uFFFDy');
    assert.equal(plainText('🌱🌱🌱🌱', 3), '🌱🌱…');
    assert.equal(plainText('abc', 3), 'abc');
  });

  it('draws no icons where the editor would', () => {
    assert.equal(iconSafeText('$(flame) $(sync~spin) $5'), '\\$(flame) \\$(sync~spin) $5');
    assert.equal(terminalText('$(flame)'), '$ (flame)');
  });

  it('makes no links in notifications', () => {
    const shown = messageText('[click](command:workbench.action.quit) and [x](https://example.org)');
    assert.doesNotMatch(shown, /\]\(/);
    assert.match(shown, /command:workbench\.action\.quit/);
  });

  it('cannot add lines to a tooltip', () => {
    assert.equal(tooltipText(['a\nb', undefined, '', 'c']), 'a b\nc');
  });
});

describe('output as a document', () => {
  it('keeps lines and tabs and loses terminal control sequences', () => {
    assert.equal(documentText('\x1b[1;31mred\x1b[0m\tx\r\nnext'), 'red\tx\nnext');
    assert.equal(documentText('\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b'), 'alinkb');
    assert.equal(documentText('\x1bPq#0\x1b\\c\x1b(Bd\x1b7e'), 'cde');
  });

  it('is not confused by sequences that never end', () => {
    assert.equal(documentText('a\x1b['), 'a');
    assert.equal(documentText('a\x1b]0;never'), 'a');
    assert.equal(documentText('a\x1b'), 'a');
  });

  it('takes what overwrites a line for a line', () => {
    assert.equal(documentText('10 %\r20 %\r\ndone'), '10 %\n20 %\ndone');
  });
});

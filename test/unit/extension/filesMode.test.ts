import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { after, describe, it } from 'node:test';
import { changedMode, modeProblem, octalText, ownerProblem } from '../../../extension/files/mode.js';
import { modeText } from '../../../helper/protocol/fileMode.js';

const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-mode-'));
after(() => rmSync(folder, { recursive: true }));

/** What this machine's chmod makes of a mode; ls shows it as text. */
function byChmod(kind: 'file' | 'directory', mode: number, text: string): { mode: number; shown: string } {
  const target = path.join(folder, `${kind}-${mode}-${Math.random()}`);
  if (kind === 'file') writeFileSync(target, '');
  else mkdirSync(target);
  chmodSync(target, mode);
  execFileSync('sh', ['-c', 'umask 022; chmod -- "$1" "$2"', 'sh', text, target]);
  const shown = execFileSync('ls', ['-ld', target], { encoding: 'utf8' }).slice(0, 10);
  return { mode: statSync(target).mode & 0o7777, shown };
}

describe('modes', () => {
  const texts = [
    '644',
    '4755',
    '7777',
    '0',
    'u+x,go-w',
    'a=r',
    '+x',
    '-w',
    '=rw',
    'o=g',
    'g=u,o-rwx',
    'u+s',
    'g-s',
    '+t',
  ];
  const more = ['ug+rw-x', 'a+X', 'u=rwX,go=rX', 'o+t', 'g=s', 'u-s,o=', '+s'];
  for (const kind of ['file', 'directory'] as const) {
    it(`become what chmod makes of them, for a ${kind}`, () => {
      for (const text of [...texts, ...more]) {
        for (const mode of [0o644, 0o755, 0o600, 0o6751, 0o1777]) {
          // GNU chmod keeps setuid and setgid of folders unless an octal mode has five digits; the kernel is asked
          // for exactly what is shown.
          if (kind === 'directory' && /^\d/.test(text)) continue;
          const expected = byChmod(kind, mode, text);
          const actual = changedMode(text, { kind, mode });
          assert.equal(octalText(actual ?? -1), octalText(expected.mode), `${text} of ${octalText(mode)}`);
          assert.equal(modeText(kind, actual ?? -1), expected.shown);
        }
      }
    });
  }

  it('are refused when they are none', () => {
    for (const text of ['', 'rw', '9', '77777', 'u+q', 'x+r', 'u', 'u+r,,g+w', 'u+ug']) {
      assert.ok(modeProblem(text), text);
      if (text !== '') assert.equal(changedMode(text, { kind: 'file', mode: 0 }), undefined, text);
    }
    assert.equal(modeProblem(' 0755 '), undefined);
    assert.equal(modeProblem('u+x,go-w'), undefined);
  });

  it('say what kind of file it is', () => {
    assert.equal(modeText('symlink', 0o777), 'lrwxrwxrwx');
    assert.equal(modeText('socket', 0o600), 'srw-------');
    assert.equal(modeText('character', 0o4), 'c------r--');
  });
});

describe('owners', () => {
  it('are names and numbers as for chown', () => {
    for (const text of ['root', 'www-data:www-data', ':adm', '0', '1000:1000', 'user.name', 'host$', 'root:']) {
      assert.equal(ownerProblem(text), undefined, text);
    }
  });

  it('are refused when they are neither', () => {
    for (const text of ['', ':', 'a:b:c', '-1', 'a b', '4294967295', 'x:4294967296', '$(id)', 'a\nb']) {
      assert.ok(ownerProblem(text), text);
    }
  });
});

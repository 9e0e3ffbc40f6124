import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commandLine, shownCommand } from '../../../extension/text/commandLine.js';
import {
  containerNameProblem,
  freeName,
  hostnameProblem,
  imageNameProblem,
  proposedImageName,
} from '../../../extension/text/names.js';
import { isInside } from '../../../extension/text/paths.js';
import { hostname } from '../../../helper/specification/schema.js';

describe('a line to execute', () => {
  it('of plain words is executed without a shell', () => {
    assert.deepEqual(commandLine('  ls  -la\t/etc '), ['ls', '-la', '/etc']);
    assert.deepEqual(commandLine('python3 -m http.server'), ['python3', '-m', 'http.server']);
  });

  it('that needs a shell gets one', () => {
    for (const line of [
      'ls | wc',
      'echo "a b"',
      'echo $HOME',
      'ls *.c',
      'a && b',
      'FOO=1 env',
      'cat <x',
      "echo 'x'",
      '~/x',
    ]) {
      assert.deepEqual(commandLine(line), ['/bin/sh', '-c', line]);
    }
  });

  it('that is empty is none', () => {
    assert.deepEqual(commandLine(' \t '), []);
  });

  it('is shown so that it could be typed again', () => {
    assert.equal(shownCommand(['sh', '-c', "echo 'it''s' $x"]), "sh -c 'echo '\\''it'\\'''\\''s'\\'' $x'");
    assert.equal(shownCommand(['', 'a b']), "'' 'a b'");
  });
});

describe('names', () => {
  it('of images are proposed from file names', () => {
    assert.equal(proposedImageName('/tmp/Debian 12.tar.xz'), 'debian-12');
    assert.equal(proposedImageName('/x/alpine-minirootfs-3.20.3-x86_64.tar.gz'), 'alpine-minirootfs-3.20.3-x86_64');
    assert.equal(proposedImageName('/x/root.TGZ'), 'root');
    assert.equal(proposedImageName('/x/---.tar'), 'image');
    assert.equal(proposedImageName('/x/..tar.zst'), 'image');
    assert.equal(proposedImageName(`/x/${'a'.repeat(200)}.tar`).length, 64);
  });

  it('that are proposed are accepted', () => {
    for (const file of ['/a/Ünïcode näme.tar', '/a/b__c..d.tar', '/a/-x-.tar.gz', '/a/1.tar']) {
      assert.equal(imageNameProblem(proposedImageName(file), []), undefined, file);
    }
  });

  it('that are taken get a number', () => {
    assert.equal(freeName('web', []), 'web');
    assert.equal(freeName('web', ['web', 'web-2', 'web-4']), 'web-3');
  });

  it('of hosts are those that a specification may have', () => {
    for (const name of ['www.lab', 'a-1', 'x'.repeat(64), '-a', 'a_b', 'ä', 'x'.repeat(65)])
      assert.equal(hostnameProblem(name) === undefined, hostname.safeParse(name).success, name);
  });

  it('of containers are checked while they are typed', () => {
    assert.equal(containerNameProblem('web_1.a-b', []), undefined);
    assert.match(containerNameProblem('', []) ?? '', /letter or a digit/);
    assert.match(containerNameProblem('-x', []) ?? '', /letter or a digit/);
    assert.match(containerNameProblem('a/b', []) ?? '', /Only/);
    assert.match(containerNameProblem('a'.repeat(64), []) ?? '', /63.*64/);
    assert.equal(containerNameProblem('a'.repeat(63), []), undefined);
    assert.match(containerNameProblem('web', ['web']) ?? '', /already/);
  });

  it('of images are checked while they are typed', () => {
    assert.equal(imageNameProblem('library/debian:12', []), undefined);
    assert.notEqual(imageNameProblem('../x', []), undefined);
    assert.notEqual(imageNameProblem('a/', []), undefined);
    assert.match(imageNameProblem('a', ['a']) ?? '', /already/);
  });
});

describe('a folder of the workspace', () => {
  it('holds itself and what is below, not its namesakes', () => {
    assert.equal(isInside('/w/root', '/w'), true);
    assert.equal(isInside('/w', '/w'), true);
    assert.equal(isInside('/w', '/w/'), true);
    assert.equal(isInside('/work', '/w'), false);
    assert.equal(isInside('/', '/w'), false);
  });
});

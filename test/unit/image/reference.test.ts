import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImageName, proposeName } from '../../../helper/image/reference.js';
import { ErrorCode } from '../../../helper/protocol/errors.js';

test('names as people know them are valid', () => {
  for (const name of [
    'debian',
    'debian:12',
    'registry.example:5000/team/app:1.0-rc.1',
    'a',
    'A1',
    'x--y',
    'a_b',
    'a'.repeat(255),
  ]) {
    assert.equal(checkImageName(name), name);
  }
});

test('others are refused, and the message says what is wrong', () => {
  const cases: readonly (readonly [name: string, problem: RegExp])[] = [
    ['', /it is empty/],
    ['a'.repeat(256), /longer than 255/],
    ['my image', /" " is not allowed/],
    ['naïve', /"ï" is not allowed/],
    ['a\n', /"\\n" is not allowed/],
    ['../etc', /must begin and end/],
    ['/etc', /between slashes is empty/],
    ['a//b', /between slashes is empty/],
    ['a/', /between slashes is empty/],
    ['-a', /must begin and end/],
    ['a:', /must begin and end/],
    ['a..b', /doubled separators/],
  ];
  for (const [name, problem] of cases) {
    assert.throws(
      () => checkImageName(name),
      (error: { code: number; message: string }) => error.code === ErrorCode.Invalid && problem.test(error.message),
      JSON.stringify(name),
    );
  }
});

test('the proposed name comes from the file name, and is always valid', () => {
  const cases = {
    '/tmp/debian-12.tar.xz': 'debian-12',
    'Debian 12 (rootfs).tar.gz': 'debian-12-rootfs',
    'alpine-minirootfs-3.20.1-x86_64.tar.gz': 'alpine-minirootfs-3.20.1-x86_64',
    'root.tgz': 'root',
    'root.TAR.ZST': 'root',
    'Œuvre été.tar': 'uvre-ete',
    'archive.bin': 'archive.bin',
    '.tar': 'image',
    '日本.tar': 'image',
    '__a..b__.tar': 'a-b',
    [`${'a'.repeat(99)}.b.tar`]: 'a'.repeat(99),
  };
  for (const [file, name] of Object.entries(cases)) {
    assert.equal(proposeName(file), name, file);
    assert.equal(checkImageName(proposeName(file)), name);
  }
});

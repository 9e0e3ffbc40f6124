import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describe, test } from 'node:test';
import { bootstrapCommand } from '../../../helper/bootstrap/command.js';
import { findBootstrapTools, installCommand } from '../../../helper/bootstrap/tools.js';
import { ErrorCode, type TerrariumError } from '../../../helper/protocol/errors.js';

const mmdebstrap = { tool: 'mmdebstrap', path: '/usr/bin/mmdebstrap' } as const;
const debootstrap = { tool: 'debootstrap', path: '/usr/sbin/debootstrap' } as const;

describe('the command that installs a distribution', () => {
  test('is minbase by default, and adds packages and a mirror', () => {
    const minimal = bootstrapCommand(mmdebstrap, { suite: 'bookworm' }, '/s');
    assert.deepEqual(minimal.slice(-3), ['--variant=minbase', 'bookworm', '-']);
    const choices = { suite: 'noble', variant: 'apt', packages: ['g++', 'libc6:arm64'], mirror: 'http://a/b' };
    assert.deepEqual(bootstrapCommand(mmdebstrap, choices, '/s').slice(-5), [
      '--variant=apt',
      '--include=g++,libc6:arm64',
      'noble',
      '-',
      'http://a/b',
    ]);
  });

  test('of debootstrap makes a folder, and packs it', () => {
    const command = bootstrapCommand(debootstrap, { suite: 'bookworm', mirror: 'http://a/b' }, '/s');
    assert.deepEqual(command.slice(-5), [
      '/usr/sbin/debootstrap',
      '--variant=minbase',
      'bookworm',
      '/s/root',
      'http://a/b',
    ]);
    assert.throws(() => bootstrapCommand(debootstrap, { suite: 'x', mirror: 'deb http://a b main' }, '/s'), /mirror/);
  });

  test('takes nothing that is an option, a path or a second line', () => {
    const wrong = [
      { suite: '../x' },
      { suite: '-x' },
      { suite: '' },
      { suite: 'x\ny' },
      { suite: 'x', variant: '--help' },
      { suite: 'x', packages: ['a,b'] },
      { suite: 'x', packages: ['--x'] },
      { suite: 'x', packages: ['/etc/x.deb'] },
      { suite: 'x', mirror: '--hook=x' },
      { suite: 'x', mirror: '/etc/apt/sources.list' },
      { suite: 'x', mirror: 'deb http://a b\ndeb http://c d' },
    ];
    for (const choices of wrong) {
      assert.throws(
        () => bootstrapCommand(mmdebstrap, choices, '/s'),
        (error: TerrariumError) => error.code === ErrorCode.Invalid,
        JSON.stringify(choices),
      );
    }
    const line = 'deb [signed-by=/k.gpg] http://a/b bookworm main contrib';
    assert.equal(bootstrapCommand(mmdebstrap, { suite: 'x', mirror: line }, '/s').at(-1), line);
  });
});

describe('tools', () => {
  test('are installed as the distribution does it, where it has them', () => {
    const commands: [string, string | undefined, string | undefined][] = [
      ['ID=debian\n', 'sudo apt-get install mmdebstrap', 'sudo apt-get install debootstrap'],
      [
        'NAME="Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n',
        'sudo apt-get install mmdebstrap',
        'sudo apt-get install debootstrap',
      ],
      ['ID="rocky"\nID_LIKE="rhel centos fedora"\n', undefined, 'sudo dnf install debootstrap'],
      ['ID=arch\n', undefined, 'sudo pacman -S debootstrap'],
      ['ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', undefined, 'sudo zypper install debootstrap'],
      ['ID=unknown\n', undefined, undefined],
      ['', undefined, undefined],
    ];
    for (const [release, first, second] of commands) {
      assert.deepEqual(
        [installCommand('mmdebstrap', release), installCommand('debootstrap', release)],
        [first, second],
      );
    }
  });

  test('are found along PATH', (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tools-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(path.join(folder, 'mmdebstrap'), '#!/bin/sh\n');
    chmodSync(path.join(folder, 'mmdebstrap'), 0o755);
    const [first] = findBootstrapTools(folder, () => 'ID=debian\n');
    assert.deepEqual(first, { tool: 'mmdebstrap', path: path.join(folder, 'mmdebstrap') });
  });
});

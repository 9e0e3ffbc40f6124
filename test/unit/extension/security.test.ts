import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hiddenPaths } from '../../../extension/security/confinementText.js';
import { deniedStatus, presentDenied, presentDeniedGroup } from '../../../extension/security/deniedText.js';
import type { DeniedCall, DeniedReport, MountInfo } from '../../../helper/protocol/index.js';

const call = (name: string, more: Partial<DeniedCall> = {}): DeniedCall => ({
  call: name,
  number: 1,
  program: 'sh',
  count: 2,
  allowed: false,
  ...more,
});
const report = (calls: DeniedCall[], more: Partial<DeniedReport> = {}): DeniedReport => ({
  notify: true,
  calls,
  others: 0,
  allow: [],
  ...more,
});

describe('refused calls', () => {
  it('are named once, but for those that are allowed by now', () => {
    const calls = [call('mount'), call('mount', { program: 'su' }), call('unshare', { allowed: true })];
    assert.equal(presentDeniedGroup(report(calls)).description, 'mount');
    assert.equal(presentDeniedGroup(report([])).description, 'none');
    assert.equal(presentDeniedGroup(report([], { notify: false })).description, 'not counted');
    assert.equal(deniedStatus([report(calls), report([])])?.text, '$(shield) 1');
    assert.equal(deniedStatus([report([call('unshare', { allowed: true })])]), undefined);
  });

  it('show names of programs as text, and what else is needed', () => {
    const shown = presentDenied(
      call('mount', { program: '\x1b[2J', needs: { kind: 'capability', capability: 'CAP_SYS_ADMIN' } }),
    );
    assert.ok(!/\p{Cc}/u.test(`${shown.description}${shown.accessibleLabel}`));
    assert.match(shown.tooltip ?? '', /, which this container does not have/);
    assert.deepEqual(
      [shown.contextValue, presentDenied(call('x', { allowed: true })).contextValue],
      ['denied', 'denied.allowed'],
    );
  });
});

describe('hidden paths', () => {
  const mount = (destination: string, more: Partial<MountInfo>): MountInfo => ({
    id: 1,
    parent: 1,
    device: '0:6',
    root: '/',
    destination,
    type: 'proc',
    source: 'proc',
    options: ['rw'],
    superOptions: [],
    propagation: '',
    ...more,
  });

  it('are told from the mount table: nothing over a file, a full tmpfs over a folder, procfs again and read-only', () => {
    const nothing = { root: '/null', type: 'devtmpfs', device: '0:5' };
    const table = [
      mount('/proc', {}),
      mount('/dev/null', nothing),
      mount('/dev/zero', { ...nothing, root: '/zero' }),
      mount('/proc/keys', nothing),
      mount('/etc/null', { ...nothing, device: '8:1' }),
      mount('/sys/firmware', { type: 'tmpfs', superOptions: ['ro', 'nr_inodes=1'] }),
      mount('/tmp', { type: 'tmpfs', superOptions: ['rw', 'size=64k'] }),
      mount('/proc/sys', { root: '/sys', options: ['ro'] }),
      mount('/proc/bus', { root: '/bus', options: ['rw'] }),
    ];
    assert.deepEqual(hiddenPaths(table), { masked: ['/proc/keys', '/sys/firmware'], readOnly: ['/proc/sys'] });
  });
});

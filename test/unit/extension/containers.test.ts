import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  orderContainers,
  presentContainer,
  stateText,
  usageAgainst,
} from '../../../extension/containers/containerText.js';
import { sectionsOf } from '../../../extension/containers/sectionText.js';
import type { ContainerSummary, ExitRecord } from '../../../helper/protocol/index.js';

const container = (more: Partial<ContainerSummary> = {}): ContainerSummary => ({
  id: '0123456789abcdef0123456789abcdef',
  name: 'web',
  state: 'running',
  root: { kind: 'host' },
  createdAt: '2026-01-01T00:00:00Z',
  init: { pid: 4242, startTime: 1 },
  args: [],
  terminal: false,
  remove: false,
  ...more,
});
const stopped = (exit: Partial<ExitRecord>): ContainerSummary => {
  const { init: _init, ...rest } = container();
  const finishedAt = '2026-01-01T00:00:01Z';
  return { ...rest, state: 'stopped', exit: { exitCode: 0, signal: 0, oomKilled: false, finishedAt, ...exit } };
};
const stats = {
  container: 'x',
  memoryBytes: 12_000_000,
  memoryMax: 100_000_000,
  pids: 3,
  pidsMax: 20,
  cpu: 0.5,
} as const;

describe('a container whose record is damaged', () => {
  it('says so, with a menu of its own and nothing below it', () => {
    const damaged = container({ state: 'stopped', damaged: 'Unexpected end\u001b[2J' });
    const { description, contextValue, tooltip, accessibleLabel } = presentContainer(damaged);
    assert.deepEqual([description, contextValue, accessibleLabel], ['damaged', 'damaged', 'Container web, damaged']);
    assert.match(tooltip ?? '', /cannot be read.*\nUnexpected end \[2J$/);
    assert.deepEqual(sectionsOf(damaged), []);
    assert.equal(presentContainer({ ...damaged, state: 'running' }).description, 'damaged, running');
  });
});

describe('memory against its limit', () => {
  it('is told in the units of the limit', () => {
    assert.equal(usageAgainst(12_000_000, 100_000_000), '12 MB of 100 MB');
    assert.equal(usageAgainst(12 * 1024 ** 2, 128 * 1024 ** 2), '12 MiB of 128 MiB');
  });

  it('stands alone without one', () => {
    assert.equal(usageAgainst(1024 ** 2, 'max'), '1 MiB');
    assert.equal(usageAgainst(1024 ** 2, undefined), '1 MiB');
  });

  it('rounds into the next unit, not to a thousand of one', () => {
    assert.equal(usageAgainst(999_999, 100_000_000), '1 MB of 100 MB');
    assert.equal(usageAgainst(0, 100_000_000), '0 B of 100 MB');
  });
});

describe('a container in the tree', () => {
  it('shows state, memory, pid and root while it runs', () => {
    assert.equal(presentContainer(container(), stats).description, 'running · 12 MB of 100 MB · pid 4242 · host /');
    assert.match(presentContainer(container({ chroot: true })).description ?? '', /^running · chroot alone · /);
  });

  it('says its state to a screen reader, with no icon in words', () => {
    assert.equal(
      presentContainer(container(), stats).accessibleLabel,
      'Container web, running, root host /, memory 12 MB of 100 MB, pid 4242',
    );
  });

  it('carries kind and state for the menus', () => {
    assert.equal(presentContainer(container({ terminal: true })).contextValue, 'container.running.terminal');
    assert.equal(presentContainer(container({ state: 'paused' })).contextValue, 'container.paused');
  });

  it('does not show the past as present', () => {
    const shown = presentContainer(stopped({}), stats);
    assert.equal(shown.description, 'stopped (exit 0) · host /');
    assert.doesNotMatch(shown.tooltip ?? '', /12 MB|CPU|Processes/);
  });

  it('says how it ended', () => {
    assert.equal(stateText(stopped({ exitCode: 3 })), 'stopped (exit 3)');
    assert.equal(stateText(stopped({ exitCode: 139, signal: 11 })), 'stopped (signal 11)');
    assert.equal(stateText(stopped({ exitCode: 137, signal: 9, oomKilled: true })), 'stopped (out of memory)');
    assert.equal(stateText({ ...stopped({}), monitorLost: true }), 'stopped (exit status unknown)');
  });

  it('looks failed only when nobody asked for its end', () => {
    const icon = (summary: ContainerSummary) => presentContainer(summary).icon?.id;
    assert.equal(icon(stopped({ exitCode: 0 })), 'stop-circle');
    assert.equal(icon(stopped({ exitCode: 143, signal: 15 })), 'stop-circle');
    assert.equal(icon(stopped({ exitCode: 137, signal: 9 })), 'stop-circle');
    assert.equal(icon(stopped({ exitCode: 137, signal: 9, oomKilled: true })), 'error');
    assert.equal(icon(stopped({ exitCode: 1 })), 'error');
    assert.equal(icon(stopped({ exitCode: 139, signal: 11 })), 'error');
  });

  it('has an icon of another shape for every state', () => {
    const states = ['creating', 'created', 'running', 'paused', 'stopped'] as const;
    const icons = states.map((state) => presentContainer(container({ state })).icon?.id);
    assert.equal(new Set(icons).size, states.length);
  });

  it('shows a hostile name as text', () => {
    const shown = presentContainer(container({ name: 'a\u202E\nb', args: ['\x1b]0;x\x07'] }));
    assert.equal(shown.label, 'a b');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    assert.doesNotMatch(`${shown.tooltip}${shown.accessibleLabel}`, /[\x00-\x09\x0b-\x1f\u202e]/);
  });
});

describe('the order of containers', () => {
  it('is by what lives, then by name, whatever order the helper gives', () => {
    const list = [
      container({ id: '1', name: 'z' }),
      container({ id: '2', name: 'b', state: 'stopped' }),
      container({ id: '3', name: 'a', state: 'created' }),
      container({ id: '4', name: 'c', state: 'paused' }),
    ];
    const names = (containers: ContainerSummary[]) => orderContainers(containers).map(({ name }) => name);
    assert.deepEqual(names(list), ['c', 'z', 'a', 'b']);
    assert.deepEqual(names(list.toReversed()), ['c', 'z', 'a', 'b']);
  });
});

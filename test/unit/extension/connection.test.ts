import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { helperEnvironment } from '../../../extension/connection/helperEnvironment.js';
import { RestartPolicy } from '../../../extension/connection/restartPolicy.js';
import { StatisticsWatch } from '../../../extension/connection/statisticsWatch.js';

describe('the environment of the helper', () => {
  it('is the person’s, with nothing of the editor’s own processes', () => {
    const environment = helperEnvironment({
      VSCODE_IPC_HOOK_CLI: '/x',
      NODE_OPTIONS: '--inspect',
      ELECTRON_NO_ATTACH_CONSOLE: '1',
      HOME: '/home/u',
      PATH: '/bin',
      UNSET: undefined,
    });
    assert.deepEqual(environment, { HOME: '/home/u', PATH: '/bin', ELECTRON_RUN_AS_NODE: '1' });
  });
});

describe('the restart policy', () => {
  it('gives up at the fifth end within three minutes', () => {
    const policy = new RestartPolicy();
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((seconds) => policy.ended(seconds * 1000)),
      [true, true, true, true, false],
    );
  });

  it('forgets what is long ago', () => {
    const policy = new RestartPolicy();
    for (let minute = 0; minute < 20; minute++) {
      assert.equal(policy.ended(minute * 60_000), true);
    }
  });

  it('begins anew when a person asks', () => {
    const policy = new RestartPolicy();
    for (let end = 0; end < 5; end++) {
      policy.ended(end);
    }
    policy.reset();
    assert.equal(policy.ended(6), true);
  });
});

describe('watching statistics', () => {
  const tree = {};
  const form = {};
  const make = () => {
    const sent: string[][] = [];
    return { sent, watch: new StatisticsWatch((containers) => sent.push(containers)) };
  };

  it('asks for what all parts want together, each once', () => {
    const { sent, watch } = make();
    watch.set(tree, ['b', 'a']);
    watch.set(form, ['b']);
    watch.set(form, ['c']);
    watch.set(tree, []);
    assert.deepEqual(sent, [['a', 'b'], ['a', 'b', 'c'], ['c']]);
  });

  it('asks for details beside, each target once', () => {
    const sent: unknown[] = [];
    const watch = new StatisticsWatch((containers, details) => sent.push({ containers, details }));
    watch.set(form, [], [{ container: 'a' }]);
    watch.set(tree, ['a'], [{ cgroup: '/x' }, { container: 'a' }]);
    watch.set(form, []);
    watch.set(tree, []);
    assert.deepEqual(sent, [
      { containers: [], details: [{ container: 'a' }] },
      { containers: ['a'], details: [{ cgroup: '/x' }, { container: 'a' }] },
      { containers: [], details: [] },
    ]);
  });

  it('asks for nothing again when nothing changed', () => {
    const { sent, watch } = make();
    watch.set(tree, []);
    watch.set(tree, ['a', 'b']);
    watch.set(tree, ['b', 'a']);
    assert.deepEqual(sent, [['a', 'b']]);
  });

  it('tells a new helper, unless nothing is wanted', () => {
    const { sent, watch } = make();
    watch.resend();
    watch.set(tree, ['a']);
    watch.resend();
    assert.deepEqual(sent, [['a'], ['a']]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitsPage } from '../../../extension/limits/html.js';
import { messageFromForm, messageToForm } from '../../../extension/limits/messages.js';
import { limitTarget, targetKey } from '../../../extension/limits/target.js';
import { memory, reportOf, sampleOf } from './report.js';

describe('messages from the form', () => {
  const changes = [{ name: 'cpu.max', value: '50000 100000' }];
  const apply = { type: 'apply', request: 1, changes, how: 'lasting' };

  it('takes what the form sends', () => {
    for (const message of [
      { type: 'ready' },
      { type: 'reload' },
      apply,
      { ...apply, how: 'trial' },
      { ...apply, changes: [{ name: 'hugetlb.2MB.max', value: 'max' }] },
      { ...apply, changes: [{ name: 'RLIMIT_AS', value: '' }] },
      { type: 'preview', request: 2, changes },
      { type: 'keep', request: 3, edit: 'e' },
      { type: 'undo', request: 4 },
      { type: 'close' },
      { type: 'copyRemedy', of: 'notice' },
      { type: 'copyRemedy', of: 'memory.max' },
    ]) {
      assert.equal(messageFromForm.safeParse(message).success, true, JSON.stringify(message));
    }
  });

  it('refuses everything else', () => {
    for (const message of [
      undefined,
      'ready',
      { type: 'run', command: 'id' },
      { ...apply, request: 0 },
      { ...apply, request: undefined },
      { ...apply, changes: [] },
      { ...apply, changes: Array(201).fill(changes[0]) },
      { ...apply, how: 'forever' },
      { ...apply, changes: [{ name: '../../cgroup.procs', value: '1' }] },
      { ...apply, changes: [{ name: 'a/b', value: '1' }] },
      { ...apply, changes: [{ name: 'pids.max', value: 5 }] },
      { ...apply, changes: [{ name: 'misc.max', value: 'x'.repeat(20_000) }] },
      { type: 'undo' },
      { type: 'copyRemedy', of: '__proto__' },
    ]) {
      assert.equal(messageFromForm.safeParse(message).success, false, JSON.stringify(message));
    }
  });
});

describe('messages to the form', () => {
  it('takes what the extension sends', () => {
    const at = Date.now();
    for (const message of [
      { type: 'report', report: reportOf([memory]) },
      { type: 'sample', sample: { at, values: { memory: 5 } }, marks: [], details: sampleOf({}) },
      { type: 'marks', marks: [{ id: 'a', at, kind: 'killed', text: 'x' }] },
      { type: 'history', samples: [], marks: [] },
      { type: 'failed', message: 'no' },
    ]) {
      assert.equal(messageToForm.safeParse(message).success, true, JSON.stringify(message));
    }
  });

  it('refuses what does not have the shape of it', () => {
    for (const message of [
      { type: 'report', report: { readings: 'no' } },
      { type: 'report', report: reportOf([{ ...memory, name: '<img>' }]) },
      { type: 'sample', sample: { at: 1, values: { memory: 'much' } }, marks: [], details: sampleOf({}) },
      { type: 'marks', marks: [{ id: 'a', at: 1, kind: 'party', text: 'x' }] },
    ]) {
      assert.equal(messageToForm.safeParse(message).success, false, JSON.stringify(message));
    }
  });
});

describe('a target', () => {
  it('is one of three things, told apart by its key', () => {
    const targets = [{ container: 'a' }, { group: 'a' }, { cgroup: 'a' }];
    assert.equal(new Set(targets.map((one) => targetKey(limitTarget.parse(one)))).size, 3);
    assert.deepEqual(limitTarget.parse({ container: 'a', limit: 'memory.max' }), { container: 'a' });
  });

  it('is refused when it is none', () => {
    for (const none of [undefined, 'a', {}, { container: '' }, { container: 5 }, { cgroup: 'x'.repeat(5000) }]) {
      assert.equal(limitTarget.safeParse(none).success, false);
    }
  });
});

describe('the page', () => {
  const page = limitsPage({
    script: 'https://r/limits.js',
    style: 'https://r/limits.css',
    source: 'https://r',
    nonce: 'N',
  });

  it('runs no script but the one with the nonce, and loads nothing from elsewhere', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
    assert.deepEqual(policy.split('; ').sort(), [
      "base-uri 'none'",
      "default-src 'none'",
      'font-src https://r',
      "form-action 'none'",
      "script-src 'nonce-N'",
      'style-src https://r',
    ]);
    assert.deepEqual(page.match(/<script[^>]*>/g), ['<script nonce="N" src="https://r/limits.js">']);
    assert.doesNotMatch(page, / on[a-z]+=|style="|<style|javascript:/);
  });

  it('has a text for each button', () => {
    for (const [, text] of page.matchAll(/<vscode-button[^>]*>([^<]*)</g)) assert.notEqual(text, '');
  });

  it('has every id once', () => {
    const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    assert.equal(new Set(ids).size, ids.length);
  });
});

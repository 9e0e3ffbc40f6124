import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitsPage } from '../../../extension/limits/html.js';
import { messageFromForm, messageToForm } from '../../../extension/limits/messages.js';

describe('messages from the form', () => {
  const apply = { type: 'apply', request: 1, changes: [{ name: 'cpu.max', value: '50000 100000' }] };

  it('takes what the form sends', () => {
    for (const message of [
      { type: 'ready' },
      { type: 'reload' },
      apply,
      { ...apply, changes: [{ name: 'pids.max', value: 'max' }] },
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
      { ...apply, changes: [{ name: '../../cgroup.procs', value: '1' }] },
      { ...apply, changes: [{ name: 'pids.max', value: -1 }] },
      { ...apply, changes: [{ name: 'pids.max', value: Number.NaN }] },
      { ...apply, changes: [{ name: 'pids.max', value: Number.POSITIVE_INFINITY }] },
      { type: 'copyRemedy', of: '__proto__' },
    ]) {
      assert.equal(messageFromForm.safeParse(message).success, false, JSON.stringify(message));
    }
  });
});

describe('messages to the form', () => {
  it('refuses what does not have the shape of a report', () => {
    assert.equal(messageToForm.safeParse({ type: 'report', name: 'a', report: { readings: 'no' } }).success, false);
    assert.equal(messageToForm.safeParse({ type: 'usage', usage: { 'memory.max': 'much' } }).success, false);
    assert.equal(messageToForm.safeParse({ type: 'usage', usage: { 'memory.max': 5 } }).success, true);
    assert.equal(messageToForm.safeParse({ type: 'failed', message: 'no' }).success, true);
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
    assert.doesNotMatch(page, / on[a-z]+=|style="|javascript:/);
  });

  it('has a label for each text field and a text for each button', () => {
    for (const [, id] of page.matchAll(/<vscode-textfield id="([^"]+)"/g)) assert.ok(page.includes(`for="${id}"`), id);
    for (const [, text] of page.matchAll(/<vscode-button[^>]*>([^<]*)</g)) assert.notEqual(text, '');
  });
});

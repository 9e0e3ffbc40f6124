import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChallenges } from '../../../helper/registry/challenge.js';

const read = (header: string | string[]) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test('challenges as registries send them', () => {
  assert.deepEqual(
    read('Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'),
    [
      [
        'bearer',
        { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:a/b:pull,push' },
      ],
    ],
  );
  assert.deepEqual(read('Basic realm="a \\"quoted\\" realm"'), [['basic', { realm: 'a "quoted" realm' }]]);
  assert.deepEqual(read('BASIC realm=plain , charset = "UTF-8"'), [['basic', { realm: 'plain', charset: 'UTF-8' }]]);
});

test('several in one header, in several, and with what has no parameters', () => {
  const both = [
    ['negotiate', {}],
    ['bearer', { realm: 'https://x/', service: 's' }],
    ['basic', { realm: 'y' }],
  ];
  assert.deepEqual(read('Negotiate, Bearer realm="https://x/", service=s, Basic realm="y"'), both);
  assert.deepEqual(read(['Negotiate', 'Bearer realm="https://x/",service="s"', 'Basic realm="y"']), both);
  assert.deepEqual(read('Negotiate YWJj==, Basic realm="y"'), [
    ['negotiate', {}],
    ['basic', { realm: 'y' }],
  ]);
});

test('of a parameter that comes twice the first counts', () => {
  assert.deepEqual(read('Bearer realm="https://a/", REALM="https://b/"'), [['bearer', { realm: 'https://a/' }]]);
});

test('what is malformed is left out, and takes no long time', () => {
  assert.deepEqual(parseChallenges(undefined), []);
  for (const header of ['', ' , ,', '"', '=', 'Bearer realm="open', '\u0000']) {
    for (const [, parameters] of read(header)) assert.deepEqual(parameters, {}, header);
  }
  const start = performance.now();
  for (const piece of ['a=,', 'a ', '"\\', 'Bearer x=', ', ', 'a="b" ']) read(`Bearer ${piece.repeat(20_000)}`);
  assert.ok(performance.now() - start < 2000, 'linear time');
});

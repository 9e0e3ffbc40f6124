import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { ErrorCode } from '../../../helper/protocol/errors.js';
import { checkCredentials, configurationFiles, findCredential } from '../../../helper/registry/credentials.js';

const never = new AbortController().signal;
const hub = { registry: 'docker.io', repository: 'library/debian' };
const own = { registry: 'registry.example:5000', repository: 'team/app' };
const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

/** A home with configuration files and programs. */
class Home {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;

  constructor(t: TestContext) {
    this.folder = mkdtempSync(path.join(tmpdir(), 'terrarium-credentials-'));
    t.after(() => rmSync(this.folder, { recursive: true }));
    this.environment = {
      PATH: `${this.folder}/bin:/usr/bin:/bin`,
      XDG_RUNTIME_DIR: path.join(this.folder, 'run'),
      AWS_PROFILE: 'work',
      SECRET_OF_THE_EDITOR: 'canary',
      NODE_OPTIONS: '--no-warnings',
    };
  }

  write(name: string, content: unknown): void {
    const file = path.join(this.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  }

  docker(content: unknown): void {
    this.write('.docker/config.json', content);
  }

  /** `docker-credential-NAME`: a script that keeps what it is given. */
  helper(name: string, script: string): void {
    const keep = `printf '%s\\n' "$0" "$@" > ${this.folder}/args; cat > ${this.folder}/input; env > ${this.folder}/env`;
    this.write(`bin/docker-credential-${name}`, `#!/bin/sh\n${keep}\n${script}\n`);
    chmodSync(path.join(this.folder, 'bin', `docker-credential-${name}`), 0o755);
  }

  read(name: string): string {
    return readFileSync(path.join(this.folder, name), 'utf8');
  }

  find(reference: { registry: string; repository: string }, signal = never) {
    return findCredential(reference, this.environment, this.folder, signal);
  }
}

const basic = (username: string, secret: string) => ({ username, secret, isIdentityToken: false });

test('without configuration there is nothing, and that is no problem', async (t) => {
  assert.deepEqual(await new Home(t).find(hub), { problems: [] });
});

test('accounts that docker login has kept, by whatever name of the registry', async (t) => {
  const home = new Home(t);
  home.docker({
    auths: {
      'https://index.docker.io/v1/': auth('me:pass:word'),
      'registry.example:5000': { username: 'you', password: 'other' },
      'https://old.example/v2/': auth('old:secret'),
      'empty.example': {},
    },
  });
  assert.deepEqual((await home.find(hub)).credential, basic('me', 'pass:word'));
  assert.deepEqual((await home.find(own)).credential, basic('you', 'other'));
  assert.deepEqual((await home.find({ registry: 'old.example', repository: 'x' })).credential, basic('old', 'secret'));
  for (const registry of ['empty.example', 'registry.example', 'registry.example:5001', 'example', 'x.docker.io']) {
    assert.deepEqual(await home.find({ registry, repository: 'x' }), { problems: [] }, registry);
  }
});

test('an identity token is one', async (t) => {
  const home = new Home(t);
  home.docker({ auths: { 'azure.example': { ...auth('00000000:'), identitytoken: 'refresh' } } });
  const { credential } = await home.find({ registry: 'azure.example', repository: 'x' });
  assert.deepEqual(credential, { username: '00000000', secret: 'refresh', isIdentityToken: true });
});

test("podman's file comes first, and names repositories", async (t) => {
  const home = new Home(t);
  home.docker({ auths: { 'registry.example:5000': auth('docker:x') } });
  home.write('run/containers/auth.json', {
    auths: {
      'registry.example:5000/team': auth('team:x'),
      'registry.example:5000/team/app': auth('app:x'),
      'registry.example:5000/tea': auth('wrong:x'),
    },
  });
  const nameFor = async (repository: string) => (await home.find({ ...own, repository })).credential?.username;
  assert.equal(await nameFor('team/app'), 'app');
  assert.equal(await nameFor('team/other'), 'team');
  assert.equal(await nameFor('other'), 'docker');
  assert.deepEqual(configurationFiles({ REGISTRY_AUTH_FILE: '/a', XDG_RUNTIME_DIR: '/r', DOCKER_CONFIG: '/d' }, '/h'), [
    '/a',
    '/r/containers/auth.json',
    '/h/.config/containers/auth.json',
    '/d/config.json',
  ]);
});

test('a credential helper is asked without a shell, and learns little of us', async (t) => {
  const home = new Home(t);
  home.docker({ credsStore: 'store', credHelpers: { 'registry.example:5000': 'own' } });
  home.helper('store', `echo '{"ServerURL":"x","Username":"me","Secret":"kept"}'`);
  home.helper('own', `echo '{"Username":"<token>","Secret":"refresh"}'`);
  assert.deepEqual((await home.find(hub)).credential, basic('me', 'kept'));
  assert.deepEqual(home.read('args').split('\n').slice(1), ['get', '']);
  assert.equal(home.read('input'), 'https://index.docker.io/v1/\n');
  assert.doesNotMatch(home.read('env'), /canary|NODE_OPTIONS/);
  assert.match(home.read('env'), /^AWS_PROFILE=work$/m);
  const { credential } = await home.find(own);
  assert.deepEqual(credential, { username: '<token>', secret: 'refresh', isIdentityToken: true });
  assert.equal(home.read('input'), 'registry.example:5000\n');
});

test('a helper that knows no account is no problem, and what is in the file counts', async (t) => {
  const home = new Home(t);
  home.docker({ credsStore: 'store', auths: { 'https://index.docker.io/v1/': auth('me:file') } });
  home.helper('store', 'echo credentials not found in native keychain; exit 1');
  assert.deepEqual(await home.find(hub), { credential: basic('me', 'file'), problems: [] });
});

test('what cannot be asked is a problem to tell of, and no failure', async (t) => {
  const home = new Home(t);
  const problems = async (content: unknown) => {
    home.docker(content);
    const found = await home.find(hub);
    assert.equal(found.credential, undefined);
    return found.problems.join(' ');
  };
  assert.match(await problems({ credsStore: 'missing' }), /docker-credential-missing is not installed/);
  assert.match(await problems({ credsStore: '../../bin/sh' }), /cannot name a credential helper/);
  home.helper('broken', 'echo keyring is locked; exit 1');
  assert.match(await problems({ credsStore: 'broken' }), /docker-credential-broken failed: keyring is locked/);
  home.helper('odd', 'echo hello');
  assert.match(await problems({ credsStore: 'odd' }), /cannot be understood/);
  home.helper('endless', 'exec yes');
  assert.match(await problems({ credsStore: 'endless' }), /ended by SIGKILL/);
  const broken = await problems('{"auths": {"registry": {"auth": "c2VjcmV0"');
  assert.match(broken, /config\.json is not a configuration/);
  assert.doesNotMatch(broken, /c2VjcmV0/);
  chmodSync(path.join(home.folder, '.docker/config.json'), 0);
  if (process.getuid?.() !== 0) assert.match((await home.find(hub)).problems.join(), /cannot be read/);
});

test('a cancel ends a helper that waits for a person', async (t) => {
  const home = new Home(t);
  home.docker({ credsStore: 'slow' });
  home.helper('slow', 'exec sleep 60');
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 100);
  await assert.rejects(home.find(hub, abort.signal), { code: -32800 });
});

test('given credentials that no registry can be told are refused', () => {
  assert.deepEqual(checkCredentials({ username: 'me', password: 'a:b' }), basic('me', 'a:b'));
  for (const [username, password] of [
    ['a:b', 'x'],
    ['', 'x'],
    ['a', ''],
    ['a\r\nX: y', 'x'],
  ] as const) {
    assert.throws(() => checkCredentials({ username, password }), { code: ErrorCode.Invalid }, username);
  }
});

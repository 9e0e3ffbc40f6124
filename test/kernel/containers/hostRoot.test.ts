/** What a container on this machine's own root sees, as it finds from inside. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { before, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';

const bed = new Bed();
/** The person's home, of which a project is to be seen. */
let home: string;

before(() => {
  home = process.env.HOME ?? '';
  for (const folder of ['project/src', '.ssh', '.config/gcloud'])
    mkdirSync(path.join(home, folder), { recursive: true });
  writeFileSync(path.join(home, 'project/src/main.c'), 'int main;\n');
  writeFileSync(path.join(home, 'project/.env'), 'TOKEN=1\n');
  writeFileSync(path.join(home, '.ssh/id_ed25519'), 'private\n', { mode: 0o600 });
  writeFileSync(path.join(home, '.config/gcloud/credentials'), 'private\n');
  writeFileSync(path.join(home, '.config/editor'), 'tabs\n');
});

/** Runs a script on the host's root. */
async function inside(
  script: string,
  choices: { hide?: string[]; show?: string[] } = {},
  more: protocol.ContainerSpecification = {},
): Promise<string> {
  const { stdout } = await bed.helper.runToEnd({
    ...more,
    root: { kind: 'host', ...choices },
    args: ['/bin/sh', '-c', `{ ${script}; } 2>&1`],
  });
  return stdout;
}

test('by default nothing of the home is seen', async () => {
  assert.match(await inside(`ls -A ${home}/project`), /No such file/);
});

test('a folder of the home that is shown is seen, and nothing beside it; writes stay in the own layer', async () => {
  const project = path.join(home, 'project');
  const said = await inside(
    `ls -A ${home}; cat ${project}/src/main.c; echo changed > ${project}/src/main.c; echo new > ${project}/new; ` +
      `cat ${project}/src/main.c ${project}/new; ls -A ${home}/.ssh`,
    { show: [`${project}/`] },
  );
  assert.equal(said.split('\n').slice(0, 4).join('\n'), 'project\nint main;\nchanged\nnew');
  assert.match(said, /\.ssh.*No such file/);
  assert.equal(readFileSync(path.join(project, 'src/main.c'), 'utf8'), 'int main;\n');
  assert.ok(!existsSync(path.join(project, 'new')));
});

test('what is shown is the same where nothing is kept, and where nothing can be written', async () => {
  const project = path.join(home, 'project');
  const script = `ls -A ${project}; echo x > ${project}/x; ls -A ${project}`;
  const inMemory = await inside(script, { show: [project] }, { writable: 'tmpfs' });
  assert.equal(inMemory, '.env\nsrc\n.env\nsrc\nx\n');
  const readOnly = await inside(script, { show: [project] }, { writable: 'none' });
  assert.match(readOnly, /^\.env\nsrc\n.*Read-only file system\n\.env\nsrc\n$/);
  assert.ok(!existsSync(path.join(project, 'x')));
});

test('keys stay hidden when the whole home is shown, unless they are named; so does our own state', async () => {
  const look = `ls -A ${home}/.ssh ${home}/.config/gcloud; cat ${home}/.config/editor ${home}/project/.env; ls ${bed.home.data}`;
  const said = await inside(look, { show: [home] });
  assert.doesNotMatch(said, /id_ed25519|credentials|containers|images/);
  assert.match(said, /tabs\nTOKEN=1/);
  assert.match(await inside(`cat ${home}/.ssh/id_ed25519`, { show: [path.join(home, '.ssh')] }), /^private$/m);
});

test('what is hidden is not there: folders, files, and what lies in a folder that is shown', async () => {
  const hidden = ['/usr/share/doc', '/usr/bin/env', '/etc/passwd', `${home}/project/.env`];
  for (const file of hidden.slice(0, 3)) assert.ok(lstatSync(file), file);
  const said = await inside(
    `ls -A /usr/share/doc ${home}/project; ls /usr/bin/env /etc/passwd; echo x > /usr/share/doc/x`,
    {
      hide: hidden,
      show: [`${home}/project`],
    },
  );
  assert.match(said, /\/usr\/share\/doc:\n\n/);
  assert.match(said, /project:\nsrc\n/);
  assert.match(said, /env.*No such file/);
  assert.match(said, /passwd.*No such file/);
  assert.doesNotMatch(said, /cannot create/);
  assert.ok(readdirSync('/usr/share/doc').length > 0);
});

test('what can never be shown is refused before anything is made', async () => {
  mkdirSync(path.join(home, '.local/share/containers'), { recursive: true });
  for (const folder of ['/', '/proc', '/run', '/tmp', bed.home.data, path.join(home, '.local/share/containers')]) {
    await fails(
      bed.helper.request(protocol.CreateContainer, { specification: { root: { kind: 'host', show: [folder] } } }),
      {
        code: protocol.ErrorCode.Invalid,
        message: /cannot be shown/,
        fix: /./,
      },
    );
  }
  await fails(
    bed.helper.request(protocol.CreateContainer, { specification: { root: { kind: 'host', show: [`${home}/none`] } } }),
    { code: protocol.ErrorCode.NotFound, message: /none cannot be shown/ },
  );
  assert.deepEqual(await bed.helper.ask(protocol.ListContainers), []);
});

test('the list of folders says what is seen from inside', async () => {
  const folders = await bed.helper.ask(protocol.ListHostFolders);
  const byPath = new Map(folders.map((folder) => [folder.path, folder]));
  assert.equal(byPath.get('/tmp')?.view, 'own');
  assert.equal(byPath.get(home)?.view, 'hidden');
  assert.equal(byPath.get(`${home}/project`)?.view, 'hidden');
  assert.deepEqual([byPath.get(bed.home.data)?.view, byPath.get(bed.home.data)?.locked], ['hidden', true]);
  assert.equal(byPath.get('/etc')?.view, 'layered');
  for (const { why } of folders) assert.match(why, /\.$/);
  // Each folder that is said to be hidden is empty or missing inside, each that is layered holds what it holds here.
  const outside = (folder: string) => readdirSync(folder).sort().join(' ');
  const readable = folders.filter(
    ({ path: folder, view }) => view === 'layered' || (view === 'hidden' && canList(folder)),
  );
  const script = readable.map(({ path: folder }) => `echo "=${folder}"; ls -A ${folder} 2>/dev/null`).join('; ');
  for (const part of (await inside(script)).split(/^=/m).slice(1)) {
    const [folder = '', ...names] = part.trimEnd().split('\n');
    if (byPath.get(folder)?.view === 'hidden') assert.deepEqual(names, [], folder);
    else if (folder === '/etc' || folder === '/usr') assert.equal(names.sort().join(' '), outside(folder));
  }
});

test('a container that was stopped sees the same when it is started again', async () => {
  const root: protocol.RootSource = { kind: 'host', show: [`${home}/project`], hide: ['/usr/share/doc'] };
  const { id } = await bed.helper.run({ root, args: [] });
  await bed.exec(id, `echo mine > ${home}/project/mine`);
  await bed.helper.request(protocol.StopContainer, { container: id, graceSeconds: 1 });
  await bed.helper.request(protocol.StartContainer, { container: id });
  const { stdout } = await bed.exec(id, `cat ${home}/project/mine; ls -A ${home}; ls -A /usr/share/doc`);
  assert.equal(stdout, 'mine\nproject\n');
});

test('a link that is laid later in the place of what is shown is not followed', async () => {
  const [shown, link] = [path.join(home, 'shown'), path.join(home, 'link')];
  mkdirSync(shown);
  writeFileSync(path.join(shown, 'x'), 'x');
  symlinkSync(shown, link);
  const specification = { root: { kind: 'host' as const, show: [link] }, args: ['/bin/ls', shown] };
  const { id } = await bed.helper.request(protocol.CreateContainer, { specification });
  // Settled when it was made: where the link leads now makes no difference.
  unlinkSync(link);
  symlinkSync(path.join(home, '.ssh'), link);
  await bed.helper.request(protocol.StartContainer, { container: id });
  await bed.helper.request(protocol.WaitContainer, { container: id });
  assert.equal(await bed.helper.output(id), 'x\n');
  renameSync(shown, `${shown}-before`);
  symlinkSync(path.join(home, '.ssh'), shown);
  await fails(bed.helper.request(protocol.StartContainer, { container: id }), {
    code: protocol.ErrorCode.WrongState,
    message: /leads elsewhere/,
    fix: /new container/,
  });
  await bed.helper.request(protocol.RemoveContainer, { container: id });
});

test('a folder that its owner has closed is shown to nobody', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root may list it');
  const closed = path.join(home, 'closed');
  mkdirSync(closed);
  chmodSync(closed, 0);
  assert.match(await inside(`ls -A ${closed}; echo ended`, { show: [closed] }), /ended/);
});

function canList(folder: string): boolean {
  try {
    readdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

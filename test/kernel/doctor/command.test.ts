import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Command } from '../support/command.js';

const command = new Command();

test('terrarium doctor prints every group, and exits with 0 where containers can run', async () => {
  const { stdout, status } = await command.terrarium(['doctor']);
  for (const group of Object.keys(protocol.doctorGroups)) assert.match(stdout, new RegExp(`^${group}$`, 'm'));
  assert.match(stdout, /^ {2}ok {4}User namespaces: Made /m);
  assert.equal(status, 0);
});

test('single lines are shown alone, as JSON too', async () => {
  const text = await command.terrarium(['doctor', 'pivot-root', 'bind']);
  assert.deepEqual(
    text.stdout.split('\n').filter((line) => line !== '' && !line.startsWith(' ')),
    ['File systems'],
  );
  assert.equal(text.stdout.trim().split('\n').length, 3);
  const { stdout, status } = await command.terrarium(['doctor', '--json', 'bind']);
  const { lines } = JSON.parse(stdout) as protocol.DoctorReport;
  assert.deepEqual(
    lines.map(({ id }) => id),
    ['bind'],
  );
  assert.equal(status, 0);
});

test('a line that there is not is refused, with the ids that there are', async () => {
  const { stderr, status } = await command.terrarium(['doctor', 'bond']);
  assert.match(stderr, /no line "bond", only .*\bbind\b/);
  assert.equal(status, 125);
});

test('where no container can run it exits with 1, and what fails there says which line to see', async () => {
  const inNamespace = (rest: string) =>
    command.shell(
      `export node cli; unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; export XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR/2"; mkdir -p -m 700 "$XDG_RUNTIME_DIR"; exec "$node" "$cli" ${rest}'`,
    );
  const whole = await inNamespace('doctor');
  assert.equal(whole.status, 1, whole.stderr);
  assert.match(whole.stdout, /^ {2}NO {4}User namespaces: .*ENOSPC/m);
  const failed = await inNamespace('run --rm -- true');
  assert.equal(failed.status, 125);
  const id = /^ {2}see: {3}terrarium doctor (\S+)$/m.exec(failed.stderr)?.[1];
  assert.equal(id, 'switches', failed.stderr);
  const line = await inNamespace(`doctor ${id}`);
  assert.equal(line.status, 1);
  assert.match(line.stdout, /NO {4}Switches.*max_user_namespaces = 0/);
});

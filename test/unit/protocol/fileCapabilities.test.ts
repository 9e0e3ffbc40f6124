import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilitiesMessage } from '../../../extension/files/capabilities.js';
import { capabilitiesText, capabilitiesValue } from '../../../helper/files/capabilities.js';
import { fileCapabilitiesText, parseFileCapabilities, whyIneffective } from '../../../helper/protocol/index.js';

/** As getcap would write what was parsed, or what is wrong. */
function read(text: string): string {
  const parsed = parseFileCapabilities(text);
  return 'problem' in parsed ? `problem: ${parsed.problem}` : fileCapabilitiesText(parsed);
}

test('clauses mean what cap_text_formats(7) says', () => {
  assert.equal(read('cap_net_bind_service=ep'), 'cap_net_bind_service=ep');
  assert.equal(read('NET_RAW,cap_chown+pe'), 'cap_chown,cap_net_raw=ep');
  assert.equal(read('cap_net_raw=p cap_net_bind_service+i'), 'cap_net_raw=p cap_net_bind_service=i');
  assert.equal(read('cap_net_raw=eip cap_net_raw-i'), 'cap_net_raw=ep');
  assert.equal(read('cap_net_raw=p+i'), 'cap_net_raw=ip');
  assert.equal(read('=ep cap_sys_admin-ep').includes('cap_sys_admin'), false);
  assert.equal(read('all=ep'), '=ep');
  assert.equal(read('=p cap_chown='), read('all=p cap_chown-p'));
  assert.equal(read('='), '');
});

test('what is none says why', () => {
  assert.match(read('cap_net_bind_service'), /problem: .*has no sets.*cap_net_bind_service=ep/);
  assert.match(read('cap_nonsense=ep'), /problem: There is no capability "cap_nonsense"/);
  assert.match(read('cap_chown=x'), /problem: /);
  assert.match(read('+ep'), /problem: .*no names/);
  assert.match(read('   '), /problem: /);
  assert.match(read('cap_chown=ep cap_kill=p'), /problem: .*all capabilities are effective, or none/);
});

test('the attribute is version 3, for the root it names, and reads back', () => {
  const parsed = parseFileCapabilities('cap_net_raw,cap_checkpoint_restore=eip');
  assert.ok(!('problem' in parsed));
  const value = capabilitiesValue(parsed, 100000);
  assert.deepEqual(
    [0, 4, 8, 12, 16, 20].map((at) => value.readUInt32LE(at)),
    [0x03000001, 1 << 13, 1 << 13, 1 << 8, 1 << 8, 100000],
  );
  assert.equal(capabilitiesText(value), 'cap_net_raw,cap_checkpoint_restore=eip');
});

test('while it is typed it says what is wrong, or what it will allow', () => {
  assert.equal(capabilitiesMessage(''), undefined);
  assert.match(String(capabilitiesMessage('cap_nonsense=ep')), /There is no capability/);
  assert.deepEqual(capabilitiesMessage('cap_net_bind_service=ep'), {
    message: 'CAP_NET_BIND_SERVICE: Listen on ports below 1024',
    severity: 1,
  });
  assert.deepEqual(capabilitiesMessage('='), { message: 'None: they are removed', severity: 1 });
  assert.match((capabilitiesMessage('all=p') as { message: string }).message, /And 37 more$/);
});

test('what stands against capabilities of a file in a container is said', () => {
  const facts = { noNewPrivileges: false, bounding: ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'] };
  const capabilities = 'cap_net_bind_service=ep';
  assert.deepEqual(whyIneffective({ capabilities }, facts), []);
  assert.match(whyIneffective({ capabilities, nosuid: true }, facts).join(), /^It is on a mount with nosuid/);
  assert.match(whyIneffective({ capabilities, capabilitiesRoot: 1000 }, facts).join(), /whose root is user 1000/);
  assert.match(whyIneffective({ capabilities }, { ...facts, noNewPrivileges: true }).join(), /^no_new_privs is on/);
  const why = (text: string) => whyIneffective({ capabilities: text }, facts).join();
  assert.match(why('cap_net_raw,cap_chown=ep'), /without CAP_NET_RAW: the program is refused/);
  assert.match(why('cap_net_raw=p'), /without CAP_NET_RAW: they are not given/);
  assert.equal(why('nonsense'), '');
  assert.deepEqual(whyIneffective({ nosuid: true }, facts), []);
});

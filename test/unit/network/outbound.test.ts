import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { complaints, hasWayOut } from '../../../helper/network/outbound.js';
import { outboundArguments, programsFor } from '../../../helper/network/outboundPrograms.js';
import { resolverText } from '../../../helper/network/resolver.js';

describe('the way out of a network', () => {
  test('pasta is tried before slirp4netns, and only what was asked for when one was', () => {
    assert.deepEqual(programsFor('auto'), ['pasta', 'slirp4netns']);
    assert.deepEqual(programsFor('slirp4netns'), ['slirp4netns']);
    assert.deepEqual(programsFor('none'), []);
  });

  test('neither leads to this machine’s loopback unless that is asked for', () => {
    assert.ok(outboundArguments('pasta', '/net', { hostLoopback: false, ipv6: false }).includes('--no-map-gw'));
    assert.ok(!outboundArguments('pasta', '/net', { hostLoopback: true, ipv6: false }).includes('--no-map-gw'));
    assert.ok(
      outboundArguments('slirp4netns', '/net', { hostLoopback: false, ipv6: false }).includes(
        '--disable-host-loopback',
      ),
    );
    assert.ok(
      !outboundArguments('slirp4netns', '/net', { hostLoopback: true, ipv6: false }).includes(
        '--disable-host-loopback',
      ),
    );
  });

  test('pasta opens no ports by itself, whatever leads to the loopback', () => {
    for (const hostLoopback of [true, false]) {
      const args = outboundArguments('pasta', '/net', { hostLoopback, ipv6: true });
      for (const ports of ['--tcp-ports', '--udp-ports', '--tcp-ns', '--udp-ns']) {
        assert.equal(args[args.indexOf(ports) + 1], 'none', ports);
      }
    }
  });

  test('pasta leads IPv6 out, and looks for neighbours of it, only where that is wanted', () => {
    const args = (ipv6: boolean) => outboundArguments('pasta', '/net', { hostLoopback: false, ipv6 });
    assert.ok(args(false).includes('--ipv4-only') && args(false).includes('--no-ndp'));
    assert.ok(!args(true).includes('--ipv4-only') && !args(true).includes('--no-ndp'));
    assert.equal(args(true).filter((one) => one === '--gateway').length, 2);
  });

  test('it is there when a default route leads to it', () => {
    const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
    const subnet = 'tap0\t0002FEA9\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n';
    const other = 'eth0\t00000000\t0102FEA9\t0003\t0\t0\t0\t00000000\t0\t0\t0\n';
    const way = 'tap0\t00000000\t0202FEA9\t0003\t0\t0\t0\t00000000\t0\t0\t0\n';
    assert.equal(hasWayOut(head + subnet + other), false);
    assert.equal(hasWayOut(head + subnet + way), true);
  });

  test('of what it printed, complaints are left', () => {
    const printed = 'WARNING: experimental\nFailed to send 38 bytes to syslog\nsent tapfd=5\ncreate_sandbox failed\n\n';
    assert.equal(complaints(printed), 'sent tapfd=5; create_sandbox failed');
    assert.equal(complaints(''), 'it ended without a word');
  });

  test('a name server is told only where one is reached', () => {
    assert.match(resolverText('lab', '169.254.2.3'), /^nameserver 169\.254\.2\.3$/m);
    assert.doesNotMatch(resolverText('lab', undefined), /^nameserver/m);
  });
});

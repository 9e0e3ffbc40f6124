import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { address6, hasDefaultRoute6, parseSubnet6, subnetOf } from '../../../helper/network/ipv6.js';
import { parseAddress, parseSubnet } from '../../../helper/network/subnet.js';
import { connectInside, type Ipv6 } from '../../../helper/plan/networkSteps.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

describe('IPv6 of networks', () => {
  test('a subnet is made of a global id, and all are written alike', () => {
    assert.equal(subnetOf(Uint8Array.of(0x12, 0x34, 0x56, 0x78, 0x9a)), 'fd12:3456:789a::/64');
    assert.equal(parseSubnet6(subnetOf(Uint8Array.of(0, 0, 0, 0, 0))), 'fd00::/64');
    for (const [text, written] of [
      ['FD12:3456:789A:0000::/64', 'fd12:3456:789a::/64'],
      ['fd12:3456:789a:1:0:0:0:0/64', 'fd12:3456:789a:1::/64'],
    ] as const) {
      assert.equal(parseSubnet6(text), written);
    }
  });

  test('what is no /64 of unique local addresses is refused', () => {
    for (const text of [
      'fd12::/48',
      'fd12::1/64',
      'fc00::/64',
      'fe80::/64',
      '2001:db8::/64',
      'fd12::',
      'fd12::%eth0/64',
      'fd12::/64/64',
      '10.0.0.0/24',
    ]) {
      assert.throws(() => parseSubnet6(text), { code: ErrorCode.Invalid }, text);
    }
  });

  test('an address is the same number in both subnets', () => {
    const of = (subnet: string, address: string) =>
      address6('fd12:3456:789a::/64', parseSubnet(subnet), parseAddress(address) ?? Number.NaN);
    assert.equal(of('10.120.3.0/24', '10.120.3.1'), 'fd12:3456:789a::1');
    assert.equal(of('10.120.3.8/29', '10.120.3.13'), 'fd12:3456:789a::5');
    assert.equal(of('10.0.0.0/8', '10.171.205.239'), 'fd12:3456:789a::ab:cdef');
  });

  test('this machine leads to elsewhere by a default route that does not reject', () => {
    const zero = '0'.repeat(32);
    const route = (to: string, bits: string, flags: string, device: string) =>
      `${to} ${bits} ${zero} 00 ${zero} 00000400 00000003 00000000 ${flags} ${device.padStart(8)}`;
    const own = route(`fd${'0'.repeat(30)}`, '40', '00000001', 'eth0');
    const none = route(zero, '00', '00200200', 'lo');
    assert.equal(hasDefaultRoute6([own, none, ''].join('\n')), false);
    assert.equal(hasDefaultRoute6(route(zero, '00', '00000201', 'eth0')), false, 'unreachable default');
    assert.equal(hasDefaultRoute6([own, route(zero, '00', '00000003', 'eth0'), ''].join('\n')), true);
    assert.equal(hasDefaultRoute6(''), false);
  });

  test('an interface listens to no router, or has nothing of IPv6', () => {
    const written = (ipv6: Ipv6) =>
      connectInside({ anchor: { pid: 1, startTime: 1 }, port: 'v', address: '10.0.0.2', prefix: 24, ipv6 }).flatMap(
        (step) => (step.kind === 'writeFile' ? [`${step.path} ${step.data}`] : []),
      );
    const settings = '/proc/sys/net/ipv6/conf/eth0';
    assert.deepEqual(written({ address: 'fd00::2' }), [`${settings}/accept_ra 0`, `${settings}/accept_dad 0`]);
    assert.deepEqual(written('off'), ['/proc/sys/net/ipv6/conf/eth0/disable_ipv6 1']);
    assert.deepEqual(written('missing'), []);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  addressText,
  freeAddress,
  freeSubnet,
  isForContainers,
  overlap,
  parseAddress,
  parseSubnet,
  routedSubnets,
  subnetText,
} from '../../../helper/network/subnet.js';
import { ErrorCode } from '../../../helper/protocol/index.js';

describe('subnets', () => {
  test('addresses go to numbers and back', () => {
    for (const text of ['0.0.0.0', '10.120.0.1', '192.168.1.255', '255.255.255.255']) {
      assert.equal(addressText(parseAddress(text) ?? Number.NaN), text);
    }
    for (const text of ['', '10.0.0', '10.0.0.256', '::1', '010.0.0.1', '10.0.0.1/8']) {
      assert.equal(parseAddress(text), undefined, text);
    }
  });

  test('a subnet begins where its bits say, and has room for containers', () => {
    for (const text of ['10.0.0.0/8', '10.120.0.0/24', '192.168.7.8/29'])
      assert.equal(subnetText(parseSubnet(text)), text);
    for (const text of ['10.120.0.1/24', '10.0.0.0/7', '10.0.0.0/30', '10.0.0.0', '10.0.0.0/x', 'fd00::/64', '1/2/3']) {
      assert.throws(() => parseSubnet(text), { code: ErrorCode.Invalid }, text);
    }
  });

  test('overlap is seen from both sides', () => {
    const [wide, within, beside] = ['10.0.0.0/8', '10.120.4.0/24', '11.0.0.0/24'].map(parseSubnet);
    assert.ok(wide && within && beside);
    assert.ok(overlap(wide, within) && overlap(within, wide) && overlap(within, within));
    assert.ok(!overlap(wide, beside) && !overlap(beside, wide));
  });

  test('the lowest free address is given, never the network’s, the bridge’s or the broadcast address', () => {
    const subnet = parseSubnet('10.120.0.0/29');
    const taken = new Set<number>();
    const given: string[] = [];
    for (let free = freeAddress(subnet, taken); free !== undefined; free = freeAddress(subnet, taken)) {
      taken.add(free);
      given.push(addressText(free));
    }
    assert.deepEqual(given, ['10.120.0.2', '10.120.0.3', '10.120.0.4', '10.120.0.5', '10.120.0.6']);
    for (const text of ['10.120.0.0', '10.120.0.1', '10.120.0.7', '10.120.0.8']) {
      assert.ok(!isForContainers(subnet, parseAddress(text) ?? 0), text);
    }
  });

  test('a free subnet overlaps with nothing that is there', () => {
    assert.equal(subnetText(freeSubnet([]) ?? assert.fail()), '10.120.0.0/24');
    const taken = ['10.120.0.0/24', '10.120.1.128/25', '10.120.2.0/23'].map(parseSubnet);
    assert.equal(subnetText(freeSubnet(taken) ?? assert.fail()), '10.120.4.0/24');
    assert.equal(freeSubnet([parseSubnet('10.0.0.0/8')]), undefined);
  });

  test('routes are read as the kernel writes them', () => {
    const text = [
      'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
      'eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
      'eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
      'tun0\t0000780A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
      'tun0\t0500000A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0',
      '',
    ].join('\n');
    assert.deepEqual(routedSubnets(text).map(subnetText), ['192.168.2.0/24', '10.120.0.0/16', '10.0.0.5/32']);
  });
});

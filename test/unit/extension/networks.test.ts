import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FactNode } from '../../../extension/containers/nodes.js';
import { networkLeaves } from '../../../extension/networks/networkLeaves.js';
import { parseShape, presentInterface, presentNetwork, shapeText } from '../../../extension/networks/networkText.js';
import {
  listenersOf,
  offerText,
  parseContainerPort,
  parseHostPlace,
  parsePortMappings,
  proposedHostPort,
  unpublished,
  urlOf,
} from '../../../extension/networks/portText.js';
import type {
  NetworkSocket,
  NetworkState,
  NetworkSummary,
  PublishedPort,
  UnixSocket,
} from '../../../helper/protocol/index.js';

const socket = (port: number, more: Partial<NetworkSocket> = {}): NetworkSocket => ({
  protocol: 'tcp',
  family: 'inet',
  state: 'listen',
  local: { address: '0.0.0.0', port },
  inode: port,
  processes: [{ pid: 4000 + port, innerPid: 7, name: 'python3' }],
  ...more,
});

const state = (sockets: NetworkSocket[], host = false): NetworkState => ({
  process: { pid: 1, startTime: 1 },
  host,
  interfaces: [
    {
      index: 2,
      name: '\u202Eeth0',
      kind: 'veth',
      flags: ['UP', 'BROADCAST'],
      state: 'up',
      mtu: 1500,
      linkAddress: '02:00:00:00:00:01',
      queue: 'noqueue',
      addresses: [{ family: 'inet', address: '10.120.0.2', prefix: 24, scope: 'global' }],
      received: { bytes: 2048, packets: 3, errors: 0, dropped: 1 },
      sent: { bytes: 0, packets: 0, errors: 0, dropped: 0 },
    },
  ],
  routes: [{ family: 'inet', destination: '10.120.0.0/24', type: 'unicast', interface: 'eth0', source: '10.120.0.2' }],
  neighbours: [],
  sockets,
});

const published: PublishedPort = {
  hostPort: 8080,
  containerPort: 80,
  protocol: 'tcp',
  address: '127.0.0.1',
  publisher: { pid: 9, startTime: 9 },
};

describe('what listens', () => {
  it('at one port is one line, for both families, and none for connections and clients of UDP', () => {
    const listeners = listenersOf(
      state([
        socket(80),
        socket(80, { family: 'inet6', local: { address: '::', port: 80 } }),
        socket(80, { state: 'established', remote: { address: '127.0.0.1', port: 5 } }),
        socket(53, { protocol: 'udp', state: 'unconnected' }),
        socket(50_000, { protocol: 'udp', state: 'unconnected' }),
      ]),
    );
    assert.deepEqual(
      listeners.map(({ protocol, port, addresses, programs }) => [protocol, port, addresses, programs]),
      [
        ['tcp', 80, ['0.0.0.0', '::'], ['python3']],
        ['udp', 53, ['0.0.0.0'], ['python3']],
      ],
    );
  });

  it('is offered unless it is published, or on this machine’s own network', () => {
    const sockets = [socket(80), socket(8000)];
    assert.deepEqual(
      unpublished(state(sockets), [published]).map(({ port }) => port),
      [8000],
    );
    assert.deepEqual(unpublished(state(sockets, true), []), []);
    assert.equal(offerText(unpublished(state(sockets), [published])), '8000 · python3 · not published');
    assert.equal(offerText(unpublished(state(sockets), [])), '80, 8000 · not published');
    assert.equal(offerText([]), undefined);
  });

  it('only at an address that a published port does not lead to is not offered', () => {
    const elsewhere = unpublished(state([socket(80, { local: { address: '10.120.0.2', port: 80 } })]), []);
    assert.equal(elsewhere[0]?.reachable, false);
    assert.equal(offerText(elsewhere), undefined);
  });
});

describe('the network of a container', () => {
  const leaves = networkLeaves('c', state([socket(80), socket(8000)]), [published], []);

  it('begins with ports and offers, then has what the kernel has', () => {
    assert.deepEqual(
      leaves.map((leaf) => [leaf.kind, 'presentation' in leaf ? leaf.presentation.accessibleLabel : '']),
      [
        ['port', 'Published port 127.0.0.1:8080 to 80 tcp, python3'],
        ['listener', 'Port 8000 tcp, python3 listens, not published'],
        ['interface', 'Interface eth0, up, 10.120.0.2/24'],
        ['fact', 'Routes: 1'],
      ],
    );
  });

  it('says how many sockets are in none of its lists', () => {
    const busy = networkLeaves('c', { ...state([socket(80)]), moreSockets: 5000 }, [published], []);
    assert.deepEqual(
      busy.flatMap((leaf) =>
        leaf.key === 'moreSockets' && 'presentation' in leaf ? [leaf.presentation.description] : [],
      ),
      ['5000, too many to be listed'],
    );
    assert.ok(!leaves.some(({ key }) => key === 'moreSockets'));
  });

  it('opens to addresses, counters and routes, each line by a key of its own', () => {
    const below = leaves.flatMap((leaf) => ('below' in leaf ? (leaf.below ?? []) : [])) as FactNode[];
    const texts = below.map(({ presentation }) => presentation.accessibleLabel);
    assert.ok(texts.includes('received: 2 KiB · 3 packets · 1 dropped'), texts.join('\n'));
    assert.ok(texts.includes('10.120.0.0/24: by the link itself · eth0 · from 10.120.0.2'), texts.join('\n'));
    assert.equal(new Set(below.map(({ key }) => key)).size, below.length);
  });

  it('of this machine counts only what its own processes hold, and offers nothing', () => {
    const shared = networkLeaves('c', state([socket(80), socket(8000)], true), [], [4080]);
    const listeners = shared.flatMap((leaf) => (leaf.kind === 'listener' ? [leaf] : []));
    assert.deepEqual(
      listeners.map(({ listener }) => listener.port),
      [80],
    );
    assert.equal(listeners[0]?.presentation.contextValue, 'listener');
  });

  it('has UNIX sockets below one line, of this machine its own with the names that they are connected to', () => {
    const unix = (inode: number, more: Partial<UnixSocket>): UnixSocket => ({
      type: 'stream',
      state: 'established',
      inode,
      processes: [{ pid: 4000 + inode, innerPid: inode, name: 'reed' }],
      ...more,
    });
    const unixSockets = [
      unix(1, { state: 'listen', abstract: '\u202Ereed' }),
      unix(2, { path: '/run/reed', peer: 3 }),
      unix(3, { peer: 2 }),
    ];
    const shown = (host: boolean) =>
      networkLeaves('c', { ...state([], host), unixSockets }, [], [4003])
        .flatMap((leaf) => ('below' in leaf && leaf.key === 'UNIX sockets' ? (leaf.below ?? []) : []))
        .map((leaf) => ('presentation' in leaf ? leaf.presentation.accessibleLabel : ''));
    assert.deepEqual(shown(false), [
      '@reed: stream · listen · reed (1)',
      '/run/reed: stream · established · to reed (3) · reed (2)',
      'no name: stream · established · to /run/reed · reed (3)',
    ]);
    assert.deepEqual(shown(true), ['no name: stream · established · to /run/reed · reed (3)']);
  });
});

describe('a link', () => {
  it('is made worse by numbers that are typed, and told so', () => {
    assert.deepEqual(parseShape('100 1 500'), { delayMs: 100, lossPercent: 1, rate: 500_000 });
    assert.deepEqual(parseShape('0 2.5'), { lossPercent: 2.5 });
    for (const wrong of ['', 'x', '-1', '1 2 3 4', '1e12']) assert.equal(parseShape(wrong), undefined, wrong);
    assert.equal(shapeText({ delayMs: 100, rate: 500_000 }), '100 ms later, 500 kbit/s');
    assert.equal(shapeText({}), 'as at the start');
  });

  it('that was made worse is marked, also one that is only narrow', () => {
    const [link] = state([]).interfaces;
    assert.ok(link);
    const label = (queue: string) => presentInterface({ ...link, queue }).accessibleLabel;
    assert.equal(label('noqueue'), 'Interface eth0, up, 10.120.0.2/24');
    for (const queue of ['netem', 'tbf']) assert.match(label(queue), /, up, slow or lossy, /);
  });
});

describe('ports that are typed', () => {
  it('are numbers, with a protocol inside and an address outside', () => {
    assert.deepEqual(parseContainerPort('53/udp'), { port: 53, protocol: 'udp' });
    assert.deepEqual(parseContainerPort(' 80 '), { port: 80, protocol: 'tcp' });
    for (const wrong of ['', '0', '65536', '80/sctp', '-1', '8e1'])
      assert.equal(parseContainerPort(wrong), undefined, wrong);
    assert.deepEqual(parseHostPlace('8080'), { hostPort: 8080 });
    assert.deepEqual(parseHostPlace('0.0.0.0:80'), { address: '0.0.0.0', hostPort: 80 });
    assert.deepEqual(parseHostPlace('[::1]:80'), { address: '::1', hostPort: 80 });
    for (const wrong of ['', ':80', 'x', '1:', '70000']) assert.equal(parseHostPlace(wrong), undefined, wrong);
  });

  it('are mappings with spaces between them, none where nothing is typed', () => {
    assert.deepEqual(parsePortMappings(' 8080:80  [::1]:5353:53/udp '), [
      { hostPort: 8080, containerPort: 80 },
      { address: '::1', hostPort: 5353, containerPort: 53, protocol: 'udp' },
    ]);
    assert.deepEqual(parsePortMappings('  '), []);
    for (const wrong of ['80', ':80', '8080:', '8080:80,', '8080:80 x', 'localhost:8080:80', '8080/udp:80'])
      assert.equal(parsePortMappings(wrong), undefined, wrong);
  });

  it('below 1024 are proposed above it, and URLs lead where a browser gets', () => {
    assert.deepEqual([80, 443, 1024, 8000].map(proposedHostPort), [8080, 8443, 1024, 8000]);
    assert.equal(urlOf(published), 'http://127.0.0.1:8080/');
    assert.equal(urlOf({ ...published, address: '0.0.0.0', containerPort: 443 }), 'https://127.0.0.1:8080/');
    assert.equal(urlOf({ ...published, address: '::' }), 'http://[::1]:8080/');
  });
});

describe('a network in the view of networks', () => {
  const network: NetworkSummary = {
    name: 'lab',
    subnet: '10.120.0.0/24',
    subnet6: 'fd12:3456:789a::/64',
    outbound: 'auto',
    live: true,
    containers: ['a'],
  };

  it('says when its way out has ended, and can then be reconnected', () => {
    const shown = (more: Partial<NetworkSummary>) => presentNetwork({ ...network, ...more });
    assert.equal(shown({ outboundState: 'up' }).description, '10.120.0.0/24 · 1 container · with a way out');
    assert.equal(shown({ outboundState: 'up' }).contextValue, 'network');
    assert.match(shown({ outboundState: 'ended' }).description ?? '', /its way out has ended$/);
    const left = shown({ outboundState: 'given-up' });
    assert.equal(left.contextValue, 'network.cut');
    assert.match(left.accessibleLabel, /its way out ended too often$/);
    // One that is not up has none to miss.
    assert.equal(shown({ outboundState: 'ended', live: false }).contextValue, 'network');
  });

  it('has its subnet of IPv6 in the tooltip, or says that there is none', () => {
    assert.match(presentNetwork(network).tooltip ?? '', /^IPv6: fd12:3456:789a::\/64$/m);
    const { subnet6: _, ...without } = network;
    assert.match(presentNetwork(without).tooltip ?? '', /^Without IPv6$/m);
  });
});

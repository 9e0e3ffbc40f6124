import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { readToEnd } from '../support/attached.js';
import { TestHelper } from '../support/helper.js';
import { makeHome, removeHome } from '../support/home.js';
import { makeBusyboxRoot } from '../support/root.js';
import { eventually } from '../support/wait.js';
import { makeLan } from './lan.js';
import { listens } from './listening.js';
import { body, fetching, outboundObstacle } from './outside.js';

/** A web server that says its name and who asks. */
const webServer = (name: string, port: number) => `
  const server = require('node:http').createServer((request, response) =>
    response.end('${name} sees ' + request.socket.remoteAddress + '\\n'));
  server.listen(${port}, '0.0.0.0', () => console.log('ready'));`;

/** A name server that knows one name, and answers with the question and one record of type A (RFC 1035). */
const nameServer = (address: string) => `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (question, { port, address }) => {
    const end = question.indexOf(0, 12) + 5;
    const isKnown = question.toString('latin1', 12, end - 5) === '\\x03web\\x07example' && question[end - 3] === 1;
    const head = Buffer.from([question[0], question[1], 0x81, 0x80, 0, 1, 0, isKnown ? 1 : 0, 0, 0, 0, 0]);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ${address.split('.').join(', ')}]);
    socket.send(Buffer.concat([head, question.subarray(12, end), ...(isKnown ? [record] : [])]), port, address);
  });
  socket.bind(53, '0.0.0.0', () => console.log('ready'));`;

const get = (url: string) => `
  require('node:http').get('${url}', (response) => response.pipe(process.stdout)).on('error', (error) => console.log(error.code));`;

for (const program of ['pasta', 'slirp4netns'] as const) {
  test(`two clients in networks of their own reach a published port, and are reached by ${program}, one by name`, async (t) => {
    const { wrapper, clients } = await makeLan(t);
    const home = makeHome();
    const helper = await TestHelper.start(home, wrapper);
    t.after(async () => {
      for (const { id } of await helper.ask(protocol.ListContainers)) {
        await helper.request(protocol.RemoveContainer, { container: id, force: true });
      }
      for (const { name } of await helper.ask(protocol.ListNetworks)) {
        await helper.request(protocol.RemoveNetwork, { network: name });
      }
      await helper.stop();
      await removeHome(home);
    });
    const obstacle = (await outboundObstacle(helper))(program);
    if (obstacle !== undefined) return t.skip(obstacle);
    const [near, far] = clients;
    for (const client of clients) await client.serve(webServer(client.address, 9000));
    await near.serve(nameServer(far.address));

    await helper.request(protocol.CreateNetwork, { name: 'lab', outbound: program });
    const network = { kind: 'bridge', network: 'lab' } as const;
    const served = await helper.run({
      root: { kind: 'host' },
      args: [process.execPath, '-e', webServer('inside', 8000)],
      network,
      ports: [{ hostPort: 18_000, containerPort: 8000, address: '0.0.0.0' }],
    });
    await eventually('the server inside', () => listens(served.init?.pid ?? 0, 8000));
    for (const { run, machineAddress } of clients) {
      assert.equal(run(get(`http://${machineAddress}:18000/`)), 'inside sees 127.0.0.1\n');
    }

    const root = { kind: 'directory', path: makeBusyboxRoot(home.folder) } as const;
    const { id } = await helper.run({ root, args: [], network });
    const fetched = async (host: string) => {
      const process = { args: ['/bin/sh', '-c', fetching(host, 9000)] };
      const { attach } = await helper.request(protocol.ExecInContainer, { container: id, process });
      return body((await readToEnd(attach)).stdout);
    };
    // They see this machine, not the container.
    for (const { address, machineAddress } of clients) {
      assert.equal(await fetched(address), `${address} sees ${machineAddress}\n`);
    }
    assert.equal(await fetched('web.example'), `${far.address} sees ${far.machineAddress}\n`);
    assert.equal(await fetched('nowhere.example'), '');
    const { way } = await helper.request(protocol.InspectNetwork, { network: 'lab' });
    assert.ok(way?.process !== undefined && existsSync(`/proc/${way.process.pid}`));
  });
}

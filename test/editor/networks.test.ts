import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get as ask, createServer as createProxy } from 'node:http';
import { createServer, type Server } from 'node:net';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { freePort } from '../kernel/support/freePort.js';
import { beginStory } from './support/story.js';
import { patienceMs } from './support/until.js';
import {
  answerQuickInput,
  chooseInMenu,
  collapseView,
  expand,
  notification,
  treeItem,
  typeInTerminal,
  waitForTerminal,
} from './support/workbench.js';

/** Somebody writes a page, serves it from a container, and looks at it. */
const holders: Server[] = [];
const { editor, chapter } = beginStory({
  workspace: 'networks',
  env: async () => ({ VSCODE_PROXY_URI: `http://127.0.0.1:${await startProxy()}/{{port}}/` }),
});
after(() => {
  for (const holder of holders) holder.close();
});

const container = () => treeItem(editor.page, /^Container \S+, running/);
const section = () => treeItem(editor.page, /^Network of container/);
const published = () => treeItem(editor.page, /^Published port 127\.0\.0\.1:\d+ to 8000 tcp, python3/);

/** Has the port, unless somebody else does. */
async function take(port: number): Promise<void> {
  const server = createServer();
  holders.push(server);
  server.listen(port, '127.0.0.1');
  await Promise.race([once(server, 'listening'), once(server, 'error')]);
}

/**
 * Where the editor sends its browser for a port of the machine that it is on: `/PORT/…`. code-server has such a proxy
 * before the server that the tests use alone.
 */
async function startProxy(): Promise<number> {
  const proxy = createProxy((request, response) => {
    const [, port, rest = ''] = /^\/(\d+)(\/.*)$/.exec(request.url ?? '') ?? [];
    ask({ port, path: rest, host: '127.0.0.1' }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    }).on('error', () => response.writeHead(502).end());
  });
  holders.push(proxy);
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  return typeof address === 'object' && address !== null ? address.port : assert.fail('no port');
}

const body = async (port: number): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();

/** Waits at a UNIX socket, after it has said so: not in the words that are typed, which the terminal shows, too. */
const listening =
  'import socket; s = socket.socket(socket.AF_UNIX); s.bind("/tmp/reed"); s.listen(); print("bound", 6 * 7); s.accept()';

chapter('what begins to listen in a container is offered, in the tree and once by a notification', async () => {
  const { page } = editor;
  const launch = page.locator('.sidebar').getByRole('button', { name: 'Launch Container' }).first();
  await launch.waitFor({ timeout: 60_000 });
  await launch.click();
  await page
    .locator('.quick-input-widget')
    .getByRole('option', { name: /This machine's own/ })
    .waitFor();
  await page.keyboard.press('Enter');
  await container().waitFor();
  await waitForTerminal(page, /[#$] ?$/);
  for (const view of ['Images', 'Root File System']) await collapseView(page, view);
  await typeInTerminal(page, 'mkdir /tmp/site; echo "<h1>Out of the glass box</h1>" > /tmp/site/index.html\n');
  await typeInTerminal(page, `python3 -c '${listening}' &\n`);
  await waitForTerminal(page, /bound 42/);
  await typeInTerminal(page, 'python3 -m http.server 8000 --directory /tmp/site\n');
  await waitForTerminal(page, /Serving HTTP on/);
  await notification(page, /python3 in \S+ listens at port 8000, which is not published/).waitFor();
  await editor.screenshot('network-offer');
  await expand(container());
  await treeItem(page, /^Network of container \S+, 8000 · python3 · not published/).waitFor();
  await expand(section());
  await treeItem(page, 'Port 8000 tcp, python3 listens, not published').waitFor();
  await treeItem(page, /^Interface lo, up, 127\.0\.0\.1\/8/).waitFor();
});

chapter(
  'it is published from its line; a port that is taken is told with who has it, and another one asked for',
  async () => {
    const { page } = editor;
    await take(8000);
    await page.keyboard.press('Escape');
    const line = treeItem(page, /^Port 8000 tcp/);
    await line.hover();
    await line.getByRole('button', { name: 'Publish Port…' }).click();
    const input = page.locator('.quick-input-widget');
    await input.filter({ hasText: /(localhost|127\.0\.0\.1):8000\/tcp is taken by/ }).waitFor();
    await editor.screenshot('network-port-taken');
    const port = await freePort();
    await answerQuickInput(page, String(port));
    await published().waitFor();
    await line.waitFor({ state: 'detached' });
    assert.match(await body(port), /Out of the glass box/);
    await treeItem(page, new RegExp(`^Container \\S+, running, .*ports ${port}→8000`)).waitFor();
  },
);

/** The page that a click opens; the click is repeated, since the row is drawn anew while ports come and go. */
async function pageOpenedBy(click: () => Promise<void>): Promise<Page> {
  for (const end = Date.now() + patienceMs; ; ) {
    const opened = editor.page.context().waitForEvent('page', { timeout: 8000 });
    try {
      const [page] = await Promise.all([opened, click()]);
      return page;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

chapter('it is opened from the tree, in the browser and in the editor', async () => {
  const { page } = editor;
  const line = published();
  const site = await pageOpenedBy(async () => {
    await line.hover();
    await line.getByRole('button', { name: 'Open Port in Browser' }).click();
  });
  await site.getByRole('heading', { name: 'Out of the glass box' }).waitFor();
  await site.close();
  await chooseInMenu(page, line, 'Preview Port in Editor');
  await page.getByRole('tab', { name: /Simple Browser/ }).waitFor();
  for (const end = Date.now() + patienceMs; ; await delay(200)) {
    const texts = await Promise.all(page.frames().map((frame) => frame.content().catch(() => '')));
    if (texts.some((text) => text.includes('<h1>Out of the glass box'))) break;
    if (Date.now() > end) assert.fail('the page is not in the editor');
  }
  await editor.screenshot('network-preview');
});

chapter('withdrawn, it is refused, and offered again', async () => {
  const { page } = editor;
  const port = Number(/:(\d+) to/.exec((await published().getAttribute('aria-label')) ?? '')?.[1]);
  await chooseInMenu(page, published(), 'Withdraw Port');
  await published().waitFor({ state: 'detached' });
  await assert.rejects(body(port), (error: Error) => /ECONNREFUSED/.test(String(error.cause)));
  await treeItem(page, 'Port 8000 tcp, python3 listens, not published').waitFor();
});

chapter('what the kernel has is below: UNIX sockets, addresses and counters of an interface', async () => {
  const { page } = editor;
  await expand(treeItem(page, /^UNIX sockets: \d+$/));
  await treeItem(page, /^\/tmp\/reed: stream · listen · python3 \(\d+\)$/).waitFor();
  await expand(treeItem(page, /^Interface lo,/));
  await treeItem(page, /^received: .* packets/).waitFor();
  await treeItem(page, /^mtu: 65536/).waitFor();
  await editor.screenshot('network-section');
});

chapter('a named network is made and removed again', async () => {
  const { page } = editor;
  await collapseView(page, 'Containers');
  await page.locator('.sidebar .pane-header', { hasText: 'Networks' }).click();
  await page.locator('.sidebar').getByRole('button', { name: 'New Network…' }).first().click();
  const input = page.locator('.quick-input-widget');
  await input.filter({ hasText: 'The name of the new network' }).waitFor();
  await answerQuickInput(page, 'meadow');
  await input.getByText('Each Other', { exact: true }).waitFor();
  await answerQuickInput(page);
  const row = treeItem(page, /^Network meadow, 10\.\d+\.\d+\.0\/24, not up, 0 containers/);
  await row.waitFor();
  await editor.screenshot('networks-view');
  await chooseInMenu(page, row, 'Remove Network…');
  await row.waitFor({ state: 'detached' });
});

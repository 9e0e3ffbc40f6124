import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import {
  createMessageConnection,
  type MessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';

/** dist/helper.cjs: tests are bundled into folders below dist, of different depth. */
function helperBundle(): string {
  for (let folder = __dirname; folder !== '/'; folder = path.dirname(folder)) {
    const bundle = path.join(folder, 'helper.cjs');
    if (existsSync(bundle)) return bundle;
  }
  throw new Error(`No helper.cjs above ${__dirname}: build it first`);
}

/**
 * A helper of the test's own, spoken to as the extension does, with a data folder that is gone afterwards.
 * `environment` replaces variables, for instance the runtime folder, which decides on the zygote that is used.
 */
export async function startHelper(
  t: TestContext,
  environment: (folder: string) => NodeJS.ProcessEnv = () => ({}),
): Promise<MessageConnection> {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-helper-'));
  const child = spawn(process.execPath, [helperBundle()], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, XDG_DATA_HOME: folder, ...environment(folder) },
  });
  const connection = createMessageConnection(
    new StreamMessageReader(child.stdout),
    new StreamMessageWriter(child.stdin),
  );
  connection.listen();
  t.after(async () => {
    for (const { id } of await connection.sendRequest(protocol.ListContainers)) {
      await connection.sendRequest(protocol.RemoveContainer, { container: id, force: true });
    }
    connection.dispose();
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {} });
  return connection;
}

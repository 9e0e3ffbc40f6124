import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { createMessageConnection, type MessageConnection, StreamMessageWriter } from 'vscode-jsonrpc/node';
import * as protocol from '../../../helper/protocol/index.js';
import { readMessages } from '../../../helper/protocol/reader.js';

/** dist/helper.cjs: tests are bundled into folders below dist, of different depth. */
function helperBundle(): string {
  for (let folder = __dirname; folder !== '/'; folder = path.dirname(folder)) {
    const bundle = path.join(folder, 'helper.cjs');
    if (existsSync(bundle)) return bundle;
  }
  throw new Error(`No helper.cjs above ${__dirname}: build it first`);
}

export interface HelperOptions {
  /** Replaces variables, for instance the runtime folder, which decides on the zygote that is used. */
  environment?(folder: string): NodeJS.ProcessEnv;
  /** Wraps the helper's command, to run it in other surroundings. */
  wrap?(command: readonly string[]): readonly string[];
}

/** A helper of the test's own, spoken to as the extension does, with a data folder that is gone afterwards. */
export async function startHelper(t: TestContext, options: HelperOptions = {}): Promise<MessageConnection> {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrarium-helper-'));
  const command = [process.execPath, helperBundle()];
  const [program = '', ...args] = options.wrap?.(command) ?? command;
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, XDG_DATA_HOME: folder, ...options.environment?.(folder) },
  });
  const connection = createMessageConnection(readMessages(child.stdout), new StreamMessageWriter(child.stdin));
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

/** A runtime folder, and so a zygote, of the test's own: it is born in the cgroups and namespaces that the test is in. */
export function ownRuntime(folder: string): NodeJS.ProcessEnv {
  const runtime = path.join(folder, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  return { XDG_RUNTIME_DIR: runtime };
}

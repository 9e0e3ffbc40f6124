/**
 * The agent: a process of its own that reads, writes and removes files of root file systems. It runs inside the user
 * namespace of the containers, where it may use files of all mapped ids, and may block while the helper must not. It
 * executes nothing, and ends when its standard input is closed.
 */
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node';
import { serveChanges } from '../changes/service.js';
import { serveExport } from '../export/service.js';
import { serveFiles } from '../files/service.js';
import { serveLayers } from '../image/layerService.js';
import { serveInspection } from '../inspect/service.js';
import { AgentRouter } from './router.js';

const connection = createMessageConnection(
  new StreamMessageReader(process.stdin),
  new StreamMessageWriter(process.stdout),
);
// Of what is made in roots, whatever the person's own is.
process.umask(0o022);
const router = new AgentRouter(connection);
serveLayers(router);
serveChanges(router);
serveExport(router);
serveFiles(router);
serveInspection(router);
connection.onClose(() => process.exit(0));
connection.listen();

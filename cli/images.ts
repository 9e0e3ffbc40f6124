import * as path from 'node:path';
import type { Command } from 'commander';
import { CancellationTokenSource, type MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json, printable } from './failure.js';
import { age, bytes, table } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

/** Commands about images. */
export function addImageCommands(program: Command, connect: Connect, print: Print): void {
  program
    .command('import')
    .description('make an image of a root file system in a tar (plain, gzip, xz or zstd)')
    .requiredOption('--name <image>', 'name of the image')
    .argument('<file>', 'the archive')
    .action(async (file: string, { name }: { name: string }) => {
      const connection = await connect();
      const cancel = new CancellationTokenSource();
      process.once('SIGINT', () => cancel.cancel());
      const token = 'import';
      const progress = connection.onProgress(
        protocol.ImageProgressType,
        token,
        ({ doneBytes, totalBytes, entries }) => {
          if (process.stderr.isTTY) {
            process.stderr.write(`\r${bytes(doneBytes)} of ${bytes(totalBytes)}, ${entries} entries\x1b[K`);
          }
        },
      );
      try {
        const params = { file: path.resolve(file), name, progress: token };
        const image = await connection.sendRequest(protocol.ImportImage, params, cancel.token);
        if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
        print(`${image.name}  ${image.digest}  ${bytes(image.sizeBytes)}`);
        for (const note of image.notes) print(printable(`note: ${note}`));
      } finally {
        progress.dispose();
      }
    });

  program
    .command('images')
    .description('list images')
    .option('--json', 'as JSON')
    .action(async ({ json: asJson }: { json?: boolean }) => {
      const images = await (await connect()).sendRequest(protocol.ListImages);
      print(
        asJson === true
          ? json(images)
          : table([
              ['NAME', 'DIGEST', 'SIZE', 'AGE', 'USED BY'],
              ...images.map((image) => [
                image.name,
                image.digest.slice('sha256:'.length, 'sha256:'.length + 12),
                bytes(image.sizeBytes),
                age(image.createdAt),
                image.usedBy.join(', '),
              ]),
            ]),
      );
    });

  program
    .command('rm-image')
    .description('remove images')
    .argument('<images...>', 'names')
    .action(async (images: string[]) => {
      const connection = await connect();
      for (const name of images) {
        await connection.sendRequest(protocol.RemoveImage, { name });
        print(name);
      }
    });
}

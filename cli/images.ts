import * as path from 'node:path';
import type { Command } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { describeFailure, exitStatus, json, printable } from './failure.js';
import { followedImage } from './longWork.js';
import { age, bytes, table } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

/** Commands about images that are here or in files. */
export function addImageCommands(program: Command, connect: Connect, print: Print): void {
  addImport(program, connect, print);
  addLooking(program, connect, print);
  addKeeping(program, connect, print);
}

function addImport(program: Command, connect: Connect, print: Print): void {
  program
    .command('import')
    .description(
      'make an image of a tar of a root file system, a docker or OCI archive, or the folder of an OCI layout',
    )
    .option('--name <image>', 'name of the image (default: the reference it has there, or the name of the file)')
    .option('--image <reference>', 'which of several images, by reference or digest')
    .option('--list', 'only tell what the archive holds')
    .argument('<file>', 'the archive, also compressed with gzip, xz, zstd or bzip2, or the folder')
    .action(async (file: string, { name, image, list }: { name?: string; image?: string; list?: boolean }) => {
      const connection = await connect();
      if (list === true) {
        print(describeArchive(await connection.sendRequest(protocol.InspectArchive, { file: path.resolve(file) })));
        return;
      }
      const imported = await followedImage(connection, (progress, token) =>
        connection.sendRequest(
          protocol.ImportImage,
          {
            file: path.resolve(file),
            ...(name === undefined ? {} : { name }),
            ...(image === undefined ? {} : { image }),
            progress,
          },
          token,
        ),
      );
      print(`${imported.name}  ${imported.digest}  ${bytes(imported.sizeBytes)}`);
      for (const note of imported.notes) print(printable(`note: ${note}`));
    });
}

function describeArchive({ kind, images }: protocol.ArchiveContent): string {
  if (kind === 'root') return 'a root file system';
  return table([
    ['REFERENCE', 'DIGEST', 'PLATFORM', 'LAYERS', 'SIZE'],
    ...images.map(({ reference, digest, platform, layers, sizeBytes }) => [
      reference ?? '',
      digest,
      platform === undefined ? '' : platformText(platform),
      String(layers),
      bytes(sizeBytes),
    ]),
  ]);
}

function platformText({ os, architecture, variant }: protocol.Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

function addLooking(program: Command, connect: Connect, print: Print): void {
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
    .command('image')
    .description('look at one image')
    .command('inspect')
    .description('all that is known of an image, as JSON: its layers and its configuration')
    .argument('<image>', 'name')
    .action(async (name: string) => {
      print(json(await (await connect()).sendRequest(protocol.InspectImage, { name })));
    });
}

function addKeeping(program: Command, connect: Connect, print: Print): void {
  program
    .command('rename-image')
    .description('give an image another name')
    .option('--keep', 'beside the one it has')
    .argument('<image>', 'name')
    .argument('<new-name>', 'the other name')
    .action(async (name: string, newName: string, { keep }: { keep?: boolean }) => {
      const params = { name, newName, ...(keep === undefined ? {} : { keep }) };
      print((await (await connect()).sendRequest(protocol.RenameImage, params)).name);
    });

  program
    .command('rm-image')
    .description('remove images; those that containers were made from stay')
    .option('--dry-run', 'only tell what would be freed')
    .argument('<images...>', 'names')
    .action(async (images: string[], { dryRun }: { dryRun?: boolean }) => {
      const connection = await connect();
      for (const name of images) {
        const preview = dryRun === true;
        const report = await connection.sendRequest(protocol.RemoveImage, { name, preview });
        for (const { name: kept, why } of report.kept) {
          const error = new Error(`the image ${kept} stays. ${why}`);
          process.stderr.write(`${describeFailure(error)}\n`);
          process.exitCode = exitStatus.failed;
        }
        for (const removed of report.images) {
          print(preview ? `${removed}  would free ${bytes(report.freedBytes)}` : removed);
        }
      }
    });

  program
    .command('prune')
    .description('remove what no image needs and interrupted operations have left')
    .option('--all', 'images too, from which no container was made')
    .option('--dry-run', 'only tell what would be freed')
    .action(async ({ all, dryRun }: { all?: boolean; dryRun?: boolean }) => {
      const preview = dryRun === true;
      const report = await (await connect()).sendRequest(protocol.PruneImages, { all: all === true, preview });
      for (const name of report.images) print(name);
      for (const { name, why } of report.kept) print(printable(`kept: ${name}. ${why}`));
      print(`${preview ? 'would free' : 'freed'} ${bytes(report.freedBytes)}`);
    });
}

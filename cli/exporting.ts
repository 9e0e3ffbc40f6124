import * as path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json, printable } from './failure.js';
import { followedImage } from './longWork.js';
import { collect } from './options.js';
import { bytes } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

const formats: readonly protocol.ExportFormat[] = ['tar', 'oci-archive', 'docker-archive', 'bundle', 'kube'];

/** Commands about what containers changed, and what can be made of it. */
export function addExportingCommands(program: Command, connect: Connect, print: Print): void {
  program
    .command('diff')
    .description('what a container changed: A added, M modified, D deleted, R renamed')
    .option('--json', 'as JSON')
    .argument('<container>', 'name or id')
    .action(async (container: string, { json: asJson }: { json?: boolean }) => {
      const list = await (await connect()).sendRequest(protocol.ListChanges, { container });
      if (asJson === true) return print(json(list));
      for (const change of list.changes) print(printable(describeChange(change)).replaceAll('\n', '\\n'));
      if (list.truncated === true) process.stderr.write('There are more changes, which are not listed.\n');
    });

  program
    .command('revert')
    .description('make paths what they were before the container changed them')
    .argument('<container>', 'name or id')
    .argument('<paths...>', 'as diff lists them')
    .action(async (container: string, paths: string[]) => {
      await (await connect()).sendRequest(protocol.RevertChanges, { container, paths });
    });

  program
    .command('commit')
    .description('make an image of a container; what follows -- becomes its command')
    .option('--comment <text>', 'kept in the history of the image')
    .option('--author <name>', 'kept in the image')
    .option('-e, --env <NAME=value>', 'environment of the image, instead of what it has (repeatable)', collect)
    .option('-w, --cwd <folder>', 'working directory of the image')
    .option('-u, --user <user>', 'user of the image')
    .argument('<container>', 'name or id')
    .argument('<image>', 'name of the new image')
    .argument('[command...]', 'command of the image, instead of what it has')
    .action(async (container: string, name: string, args: string[], options: CommitOptions) => {
      const connection = await connect();
      const image = await followedImage(connection, (progress, token) =>
        connection.sendRequest(
          protocol.CommitContainer,
          { container, name, ...commitParams(args, options), progress },
          token,
        ),
      );
      print(`${image.name}  ${image.digest}  ${bytes(image.sizeBytes)}`);
      for (const note of image.notes) print(printable(`note: ${note}`));
    });

  program
    .command('export')
    .description(
      'write a container, an image or a pod to a file: a tar, an archive of an image, an OCI bundle, a Pod manifest',
    )
    .addOption(
      new Option('-f, --format <format>', 'default: by the ending of the destination, else a tar').choices(formats),
    )
    .option('--image', 'take the name for an image, also when a container has it')
    .option('--no-limits', 'leave limits out of a bundle, for runtimes that may make no control group')
    .argument('<source>', 'name or id of a container, or name of an image or a pod')
    .argument('<destination>', '.tar, .oci.tar, .docker.tar, .yaml, or a folder for a bundle')
    .action(async (name: string, file: string, options: ExportOptions) => {
      const connection = await connect();
      const source = options.image === true ? ({ kind: 'image', name } as const) : await findSource(connection, name);
      const { format = formatOf(file), limits } = options;
      await exportTo(connection, print, { source, format, destination: path.resolve(file), limits });
    });
}

interface ExportOptions {
  format?: protocol.ExportFormat;
  image?: boolean;
  limits: boolean;
}

/** Writes it, and says where it is and what is different there. */
export async function exportTo(
  connection: MessageConnection,
  print: Print,
  params: Omit<protocol.ExportParams, 'progress'>,
): Promise<void> {
  const exported = await followedImage(connection, (progress, token) =>
    connection.sendRequest(protocol.ExportImage, { ...params, progress }, token),
  );
  print(`${exported.path}  ${bytes(exported.sizeBytes)}`);
  for (const note of exported.notes) print(printable(`note: ${note}`));
}

interface CommitOptions {
  comment?: string;
  author?: string;
  env?: string[];
  cwd?: string;
  user?: string;
}

function commitParams(args: string[], { comment, author, env, cwd, user }: CommitOptions) {
  const config = {
    ...(env === undefined ? {} : { env }),
    ...(args.length === 0 ? {} : { args }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { user }),
  };
  return {
    ...(comment === undefined ? {} : { comment }),
    ...(author === undefined ? {} : { author }),
    ...(Object.keys(config).length === 0 ? {} : { config }),
  };
}

const letters = { added: 'A', modified: 'M', deleted: 'D', renamed: 'R' } as const;

/** `M /etc/passwd (content)`: a letter as git has it, and what is different. */
export function describeChange({ kind, path: at, entry, what, from, sizeBytes }: protocol.Change): string {
  const shown = entry === 'directory' ? `${at === '/' ? '' : at}/` : at;
  const more =
    kind === 'renamed'
      ? `from ${from}`
      : kind === 'modified'
        ? (what ?? []).join(', ')
        : entry === 'directory' && sizeBytes > 0
          ? bytes(sizeBytes)
          : '';
  return `${letters[kind]} ${shown}${more === '' ? '' : ` (${more})`}`;
}

/** What a destination is to become, by how its name ends. */
export function formatOf(file: string): protocol.ExportFormat {
  const name = path.basename(file).toLowerCase();
  if (/\.(?:tar\.(?:gz|xz|zst|bz2)|tgz|txz|tzst)$/.test(name)) {
    throw new InvalidArgumentError('Compressed tars are not written: use .tar, and compress that.');
  }
  if (file.endsWith('/')) return 'bundle';
  if (/\.ya?ml$/.test(name)) return 'kube';
  if (/[.-]oci\.tar$|\.oci$/.test(name)) return 'oci-archive';
  if (/[.-]docker\.tar$/.test(name)) return 'docker-archive';
  return path.extname(name) === '' ? 'bundle' : 'tar';
}

async function findSource(connection: MessageConnection, name: string): Promise<protocol.ExportSource> {
  const containers = await connection.sendRequest(protocol.ListContainers);
  if (containers.some((container) => container.name === name || container.id === name)) {
    return { kind: 'container', container: name };
  }
  const images = await connection.sendRequest(protocol.ListImages);
  if (images.some((image) => image.name === name)) return { kind: 'image', name };
  const pods = await connection.sendRequest(protocol.ListPods);
  if (pods.some((pod) => pod.name === name)) return { kind: 'pod', pod: name };
  // Perhaps the start of an id; else the answer says that there is none.
  return { kind: 'container', container: name };
}

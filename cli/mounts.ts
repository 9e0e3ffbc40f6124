import { type Command, InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { formatBytes } from '../helper/protocol/notation.js';
import { json } from './failure.js';
import { parseMount, parseTmpfs } from './options.js';
import { age, table } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

/** `mounts`, `mount` and `umount` of a container, and `volume`. */
export function addMountCommands(program: Command, connect: Connect, print: Print): void {
  program
    .command('mounts')
    .description('mounts of a running container, as the kernel has them')
    .option('--json', 'as JSON')
    .argument('<container>', 'name or id')
    .action(async (container: string, options: { json?: boolean }) => {
      const mounts = await (await connect()).sendRequest(protocol.ListMounts, { container });
      print(options.json === true ? json(mounts) : mountTable(mounts));
    });

  program
    .command('mount')
    .description('mount a folder, file or volume in a running container')
    .option('--tmpfs <dst[:size=64m]>', 'a file system in memory instead', (text) => parseTmpfs(text))
    .option('--keep', 'at later starts too; of a container that does not run only there')
    .argument('<container>', 'name or id')
    .argument('[src:dst[:options]]', 'a file or folder of this machine, or the name of a volume')
    .action(
      async (
        container: string,
        text: string | undefined,
        options: { tmpfs?: protocol.oci.Mount[]; keep?: boolean },
      ) => {
        const [mount, ...more] = [...(text === undefined ? [] : parseMount(text)), ...(options.tmpfs ?? [])];
        if (mount === undefined || more.length > 0) {
          throw new InvalidArgumentError('Give one of SOURCE:DESTINATION and --tmpfs DESTINATION.');
        }
        const { keep = false } = options;
        const made = await (await connect()).sendRequest(protocol.AddMount, { container, mount, keep });
        print(made === null ? `kept for the next start: ${mount.destination}` : mountTable([made]));
      },
    );

  program
    .command('umount')
    .description('unmount what was asked for, when the container was made or since')
    .option('--keep', 'at later starts too; of a container that does not run only there')
    .argument('<container>', 'name or id')
    .argument('<destination>', 'where it is in the container')
    .action(async (container: string, destination: string, { keep = false }: { keep?: boolean }) => {
      await (await connect()).sendRequest(protocol.RemoveMount, { container, destination, keep });
    });

  addVolumeCommands(
    program.command('volume').description('folders kept by name, for containers to mount'),
    connect,
    print,
  );
}

function addVolumeCommands(volume: Command, connect: Connect, print: Print): void {
  volume
    .command('ls')
    .description('list volumes, with the containers that have them')
    .option('--size', 'with the bytes on disk of each: what is in it is read through for that')
    .option('--json', 'as JSON')
    .action(async ({ size = false, json: asJson = false }: { size?: boolean; json?: boolean }) => {
      const connection = await connect();
      const volumes: SizedVolume[] = await connection.sendRequest(protocol.ListVolumes);
      const sized = size ? await Promise.all(volumes.map((volume) => measured(connection, volume))) : volumes;
      print(asJson ? json(sized) : volumeTable(sized));
    });
  volume
    .command('create')
    .description('make a volume; one that a container asks for is made by itself')
    .argument('<name>')
    .action(async (name: string) => {
      print((await (await connect()).sendRequest(protocol.CreateVolume, { name })).path);
    });
  volume
    .command('rm')
    .description('remove volumes with all that is in them')
    .argument('<names...>')
    .action(async (names: string[]) => {
      const connection = await connect();
      for (const name of names) await connection.sendRequest(protocol.RemoveVolume, { name });
    });
  volume
    .command('prune')
    .description('remove the volumes that no container has')
    .action(async () => {
      for (const name of await (await connect()).sendRequest(protocol.PruneVolumes)) print(name);
    });
}

const origins = { specification: 'asked for', added: 'added' } as const;

/** One line a mount, in the kernel's order. */
export function mountTable(mounts: readonly protocol.MountInfo[]): string {
  return table([
    ['DESTINATION', 'TYPE', 'SOURCE', 'OPTIONS', 'PROPAGATION', 'ORIGIN'],
    ...mounts.map((mount) => [
      mount.destination,
      mount.type,
      mount.root === '/' ? mount.source : `${mount.source}[${mount.root}]`,
      mount.options.join(','),
      mount.propagation,
      mount.origin === undefined ? '' : `${origins[mount.origin]}${mount.kept === true ? '' : ', until it ends'}`,
    ]),
  ]);
}

type SizedVolume = protocol.VolumeSummary & { sizeBytes?: number };

async function measured(connection: MessageConnection, volume: protocol.VolumeSummary): Promise<SizedVolume> {
  return { ...volume, ...(await connection.sendRequest(protocol.MeasureVolume, { name: volume.name })) };
}

/** Volumes with who has them, and where; with sizes when they were asked for. */
export function volumeTable(volumes: readonly SizedVolume[], now = Date.now()): string {
  const isSized = volumes.some(({ sizeBytes }) => sizeBytes !== undefined);
  return table([
    ['VOLUME', 'CREATED', ...(isSized ? ['SIZE'] : []), 'USED BY'],
    ...volumes.map(({ name, createdAt, sizeBytes = 0, usedBy }) => [
      name,
      `${age(createdAt, now)} ago`,
      ...(isSized ? [formatBytes(sizeBytes)] : []),
      usedBy.map((use) => `${use.name}:${use.destination}${use.mounted ? '' : ' (not mounted)'}`).join(', '),
    ]),
  ]);
}

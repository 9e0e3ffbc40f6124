import { type Command, InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json } from './failure.js';
import { parsePlace, type RootOptions, rootOf } from './files.js';
import { table } from './table.js';

/** Commands about capabilities: what each allows, and those of program files in containers and images. */
export function addCapabilityCommands(
  program: Command,
  connect: () => Promise<MessageConnection>,
  print: (text: string) => void,
): void {
  const caps = program.command('caps').description('capabilities: what each allows, and those of program files');

  caps
    .command('list', { isDefault: true })
    .description('what each capability allows')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) => {
      print(
        options.json === true
          ? json(protocol.capabilities)
          : table(protocol.capabilities.map(({ name, allows }) => [name, allows])),
      );
    });

  caps
    .command('get')
    .description('capabilities of a file, as getcap(8) writes them; an empty line: none')
    .option('--image', 'NAME is an image')
    .option('--base', 'what the container was made from')
    .argument('<name:path>', 'a container, running or not, and a path in it')
    .action(async (text: string, options: RootOptions) => {
      const connection = await connect();
      const { capabilities } = await connection.sendRequest(protocol.StatFile, {
        ...placeOf(text, options),
        follow: true,
      });
      print(capabilities ?? '');
      const place = placeOf(text, options);
      if (capabilities === undefined || place.root.kind !== 'container') return;
      for (const why of await hints(connection, place.root.container, capabilities, place.path)) {
        process.stderr.write(`note: ${why}\n`);
      }
    });

  caps
    .command('set')
    .description('set capabilities of a file, as setcap(8) does; they count only without no_new_privs')
    .argument('<capabilities>', 'such as cap_net_bind_service=ep; "=" removes them')
    .argument('<name:path>', 'a container, running or not, and a path in it')
    .action(async (capabilities: string, text: string) => {
      const place = placeOf(text, {});
      const connection = await connect();
      await connection.sendRequest(protocol.SetFileCapabilities, { ...place, capabilities });
    });
}

/** Why they give less than they say there; of a container that does not run its mounts are those that it is to have. */
async function hints(
  connection: MessageConnection,
  container: string,
  capabilities: string,
  path: string,
): Promise<string[]> {
  const { config, status } = await connection.sendRequest(protocol.InspectContainer, { container });
  const { process, mounts } = config as protocol.oci.Config;
  const isUp = status === 'running' || status === 'paused';
  const live = isUp ? await connection.sendRequest(protocol.ListMounts, { container }) : [];
  return protocol.whyIneffective(capabilities, path, {
    noNewPrivileges: process.noNewPrivileges,
    bounding: process.capabilities.bounding,
    mounts: isUp ? live : mounts.map(({ destination, options = [] }) => ({ destination, options })),
  });
}

function placeOf(text: string, options: RootOptions): protocol.FileReference {
  const place = parsePlace(text);
  if (place === undefined) throw new InvalidArgumentError('A container and a path in it: NAME:PATH.');
  return { root: rootOf(place.name, options), path: place.path };
}

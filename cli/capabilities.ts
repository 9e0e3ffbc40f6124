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
      const file = await connection.sendRequest(protocol.StatFile, {
        ...placeOf(text, options),
        follow: true,
      });
      print(file.capabilities ?? '');
      const { root } = placeOf(text, options);
      if (file.capabilities === undefined || root.kind !== 'container') return;
      for (const why of await hints(connection, root.container, file)) {
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

/** Why they give less than they say there. */
async function hints(connection: MessageConnection, container: string, file: protocol.FileEntry): Promise<string[]> {
  const { config } = await connection.sendRequest(protocol.InspectContainer, { container });
  const { noNewPrivileges, capabilities } = (config as protocol.oci.Config).process;
  return protocol.whyIneffective(file, { noNewPrivileges, bounding: capabilities.bounding });
}

function placeOf(text: string, options: RootOptions): protocol.FileReference {
  const place = parsePlace(text);
  if (place === undefined) throw new InvalidArgumentError('A container and a path in it: NAME:PATH.');
  return { root: rootOf(place.name, options), path: place.path };
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { json, printable } from './failure.js';
import { cancellable, followedImage } from './longWork.js';
import { bytes } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

const extras: readonly protocol.BuildExtra[] = ['accounts', 'certificates', 'locale', 'terminfo'];

interface BootstrapOptions {
  name: string;
  mirror?: string;
  variant?: string;
  packages?: string[];
  tool?: 'mmdebstrap' | 'debootstrap';
}

/** Commands that make images without an archive: of this machine's programs, and by installing a distribution. */
export function addBuildingCommands(program: Command, connect: Connect, print: Print): void {
  program
    .command('build')
    .description('make an image of programs of this machine, with what they need to run')
    .requiredOption('--name <image>', 'name of the image')
    .option(
      '--extra <extras>',
      `what they need beside libraries, with commas between: ${extras.join(', ')}`,
      parseExtras,
    )
    .option('--list', 'list every file that was copied, and why')
    .option('--json', 'as JSON')
    .argument('<programs...>', 'names or absolute paths')
    .action(
      async (
        programs: string[],
        options: { name: string; extra?: protocol.BuildExtra[]; list?: boolean; json?: boolean },
      ) => {
        const connection = await connect();
        const { image, files, notes } = await followedImage(connection, (progress, token) =>
          connection.sendRequest(
            protocol.BuildImage,
            { name: options.name, programs, extras: options.extra ?? [], progress },
            token,
          ),
        );
        if (options.json === true) {
          print(json({ image, files, notes }));
          return;
        }
        if (options.list === true) for (const file of files) print(printable(`${file.path}  ${file.why}`));
        print(summaryOf(image));
        for (const note of [...notes, ...image.notes]) print(printable(`note: ${note}`));
      },
    );

  program
    .command('bootstrap')
    .description('install a Debian or Ubuntu into a new image, by mmdebstrap or debootstrap')
    .requiredOption('--name <image>', 'name of the image')
    .option('--mirror <url>', 'where packages are fetched from (default: the tool’s own)')
    .option('--packages <names>', 'packages beside those of the variant, with commas between', parseList)
    .option('--variant <variant>', 'which packages make the base', 'minbase')
    .addOption(new Option('--tool <tool>', 'which tool does it').choices(['mmdebstrap', 'debootstrap']))
    .argument('<suite>', 'such as bookworm or noble')
    .action(async (suite: string, options: BootstrapOptions) => {
      const connection = await connect();
      const { name } = options;
      const output = connection.onNotification(protocol.BootstrapOutput, (line) => {
        if (line.name === name) process.stderr.write(printable(line.text));
      });
      try {
        const image = await cancellable((token) =>
          connection.sendRequest(protocol.BootstrapImage, { suite, ...options }, token),
        );
        print(summaryOf(image));
        for (const note of image.notes) print(printable(`note: ${note}`));
      } finally {
        output.dispose();
      }
    });
}

function summaryOf({ name, digest, sizeBytes }: protocol.ImageSummary): string {
  return `${name}  ${digest}  ${bytes(sizeBytes)}`;
}

/** Names with commas between, added to those before. */
export function parseList(text: string, previous: string[] = []): string[] {
  return [...previous, ...text.split(',').filter((name) => name !== '')];
}

/** As `parseList`, of what `build` knows. */
export function parseExtras(text: string, previous: protocol.BuildExtra[] = []): protocol.BuildExtra[] {
  const added = parseList(text).map((name) => {
    const extra = extras.find((one) => one === name);
    if (extra === undefined) throw new InvalidArgumentError(`Use ${extras.join(', ')}.`);
    return extra;
  });
  return [...previous, ...added];
}

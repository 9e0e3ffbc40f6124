import { text } from 'node:stream/consumers';
import { type Command, InvalidArgumentError } from 'commander';
import type { MessageConnection } from 'vscode-jsonrpc/node';
import * as protocol from '../helper/protocol/index.js';
import { printable } from './failure.js';
import { followedImage } from './longWork.js';
import { bytes } from './table.js';

type Connect = () => Promise<MessageConnection>;
type Print = (text: string) => void;

interface RegistryOptions {
  insecure?: boolean;
  username?: string;
  passwordStdin?: boolean;
}

/** Commands that talk to registries. */
export function addRegistryCommands(program: Command, connect: Connect, print: Print): void {
  const withRegistryOptions = (command: Command) =>
    command
      .option('--insecure', 'speak http to a registry that does not speak https')
      .option('--username <name>', 'of the account; otherwise what docker or podman login has kept')
      .option('--password-stdin', 'read the password or token from standard input');

  withRegistryOptions(program.command('pull'))
    .description('get an image from a registry')
    .argument('<reference>', '[HOST[:PORT]/]NAME[:TAG][@DIGEST]')
    .option('--name <image>', 'name of the image (default: the reference in full)')
    .option('--platform <os/arch[/variant]>', 'which of several (default: that of this machine)', parsePlatform)
    .action(async (reference: string, options: RegistryOptions & { name?: string; platform?: protocol.Platform }) => {
      const { name, platform } = options;
      const params: protocol.PullParams = {
        ...(await registryParams(reference, options)),
        ...(name === undefined ? {} : { name }),
        ...(platform === undefined ? {} : { platform }),
      };
      const connection = await connect();
      const image = await followedImage(connection, (progress, token) =>
        connection.sendRequest(protocol.PullImage, { ...params, progress }, token),
      );
      print(`${image.name}  ${image.digest}  ${bytes(image.sizeBytes)}`);
      for (const note of image.notes) print(printable(`note: ${note}`));
    });

  withRegistryOptions(program.command('push'))
    .description('send an image to a registry')
    .argument('<image>', 'name of the image')
    .argument('<reference>', '[HOST[:PORT]/]NAME[:TAG]')
    .action(async (name: string, reference: string, options: RegistryOptions) => {
      const params = { name, ...(await registryParams(reference, options)) };
      const connection = await connect();
      const { digest } = await followedImage(connection, (progress, token) =>
        connection.sendRequest(protocol.PushImage, { ...params, progress }, token),
      );
      print(`${reference}  ${digest}`);
    });
}

async function registryParams(
  reference: string,
  { insecure, username, passwordStdin }: RegistryOptions,
): Promise<protocol.RegistryParams> {
  if ((username === undefined) !== (passwordStdin === undefined)) {
    throw new InvalidArgumentError('Use --username and --password-stdin together.');
  }
  return {
    reference,
    ...(insecure === undefined ? {} : { insecure }),
    ...(username === undefined
      ? {}
      : { credentials: { username, password: (await text(process.stdin)).replace(/\r?\n$/, '') } }),
  };
}

/** `linux/arm64` or `linux/arm/v7`. */
export function parsePlatform(value: string): protocol.Platform {
  const [os = '', architecture = '', variant, ...more] = value.split('/');
  if (!/^[a-z0-9]+$/.test(os) || !/^\w+$/.test(architecture) || variant === '' || more.length > 0) {
    throw new InvalidArgumentError('Use os/architecture[/variant], such as linux/arm64.');
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

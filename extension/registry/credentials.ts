import { type ExtensionContext, type LogOutputChannel, l10n, window, workspace } from 'vscode';
import { ResponseError } from 'vscode-languageclient/node';
import { ErrorCode, type RegistryCredentials, type RegistryParams } from '../../helper/protocol/index.js';
import { registryHost } from './reference.js';

const known = 'terrarium.registries';

/**
 * Who the person is for registries: kept in the editor's secret storage when they want it, and given to the registry
 * they were asked for, no other.
 */
export class RegistryAccess {
  constructor(
    private readonly extension: Pick<ExtensionContext, 'secrets' | 'globalState'>,
    private readonly log: LogOutputChannel,
  ) {}

  /**
   * Tries a request, and asks for credentials as often as the registry refuses. Undefined when the person left.
   * @throws what `attempt` throws otherwise.
   */
  async use<T>(reference: string, attempt: (params: RegistryParams) => Promise<T>): Promise<T | undefined> {
    const host = registryHost(reference);
    let credentials = await this.stored(host);
    let entered = false;
    for (;;) {
      try {
        const result = await attempt({
          reference,
          ...(credentials && { credentials }),
          ...(isInsecure(host) && { insecure: true }),
        });
        if (entered && credentials) {
          // Not waited for: the image is there, whatever becomes of the question.
          this.offerToKeep(host, credentials).catch((error: unknown) =>
            this.log.error(`Credentials for ${host} were not kept: ${String(error)}`),
          );
        }
        return result;
      } catch (error) {
        if (!(error instanceof ResponseError) || error.code !== ErrorCode.Unauthorized) {
          throw error;
        }
      }
      credentials = await ask(host, credentials);
      entered = true;
      if (!credentials) {
        return undefined;
      }
    }
  }

  /** Removes what is kept for all registries. @returns their hosts. */
  async forget(): Promise<string[]> {
    const hosts = this.hosts();
    await Promise.all(hosts.map((host) => this.extension.secrets.delete(secretName(host))));
    await this.extension.globalState.update(known, undefined);
    return hosts;
  }

  private hosts(): string[] {
    return this.extension.globalState.get<string[]>(known, []);
  }

  private async stored(host: string): Promise<RegistryCredentials | undefined> {
    const text = await this.extension.secrets.get(secretName(host));
    return text === undefined ? undefined : (JSON.parse(text) as RegistryCredentials);
  }

  private async offerToKeep(host: string, credentials: RegistryCredentials): Promise<void> {
    const keep = { title: l10n.t('Keep') };
    const answer = await window.showInformationMessage(
      l10n.t('Keep the credentials for {0} in the editor’s secret storage?', host),
      keep,
      { title: l10n.t('Not Now') },
    );
    if (answer === keep) {
      await this.extension.secrets.store(secretName(host), JSON.stringify(credentials));
      await this.extension.globalState.update(known, [...new Set([...this.hosts(), host])]);
    }
  }
}

function secretName(host: string): string {
  return `terrarium.registry.${host}`;
}

/** The setting belongs to the machine: a workspace must not be able to make passwords travel in the clear. */
function isInsecure(host: string): boolean {
  return workspace.getConfiguration('terrarium').get<string[]>('insecureRegistries', []).includes(host);
}

async function ask(host: string, refused: RegistryCredentials | undefined): Promise<RegistryCredentials | undefined> {
  const title = refused ? l10n.t('{0} refused these credentials', host) : l10n.t('{0} asks who you are', host);
  const username = await window.showInputBox({
    title,
    prompt: l10n.t('User name'),
    value: refused?.username ?? '',
    ignoreFocusOut: true,
  });
  if (username === undefined) {
    return undefined;
  }
  const password = await window.showInputBox({
    title,
    prompt: l10n.t('Password or access token of {0}', username),
    password: true,
    ignoreFocusOut: true,
  });
  return password === undefined ? undefined : { username, password };
}

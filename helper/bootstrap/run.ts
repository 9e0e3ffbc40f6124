import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { cancelled } from '../image/failure.js';
import { ErrorCode, terrariumError } from '../protocol/errors.js';
import { administratorPath } from './tools.js';

export interface ToolRun {
  /** With its arguments. */
  command: readonly string[];
  /** Of a process in the user namespace to run it in. */
  namespace: number;
  /** The stage's program. */
  stage: string;
  /** Scratch folder: working folder and TMPDIR. */
  folder: string;
  /** Where its standard output goes; must not exist. */
  output: string;
  signal?: AbortSignal | undefined;
  /** What it says on its standard error. */
  onText: (text: string) => void;
  /** Bytes of its standard output so far. */
  onBytes: (count: number) => void;
}

/** Characters of standard error in which the reason of a failure is looked for. */
const keptText = 16 * 1024;

/**
 * Runs a tool of this machine to its end in a user namespace, keeping what it prints.
 *
 * It is the first process of a pid namespace, and dies with us: a cancel, or our own end, leaves no process of it.
 * @returns digest and size of the output.
 * @throws TerrariumError Unavailable when it fails.
 */
export async function runTool(run: ToolRun): Promise<{ digest: string; size: number }> {
  const { signal, command } = run;
  if (signal?.aborted) throw cancelled();
  const contained = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--', ...command];
  const args = ['enter', String(run.namespace), '--', 'setpriv', '--pdeathsig', 'KILL', '--', ...contained];
  const file = await open(run.output, 'wx', 0o600);
  try {
    const child = spawn(run.stage, args, {
      cwd: run.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: toolEnvironment(run.folder),
    });
    const kill = () => child.kill('SIGKILL');
    signal?.addEventListener('abort', kill, { once: true });
    const decoder = new StringDecoder('utf8');
    let said = '';
    child.stderr.on('data', (bytes: Buffer) => {
      const text = decoder.write(bytes);
      said = (said + text).slice(-keptText);
      run.onText(text);
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, name) => resolve(code === 0 ? '' : `It ended with ${name ?? `status ${code}`}.`));
    });
    const hash = createHash('sha256');
    let size = 0;
    try {
      for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
        hash.update(bytes);
        size += bytes.length;
        await file.appendFile(bytes);
        run.onBytes(size);
      }
    } catch (error) {
      // The disk is full, for one: nobody reads on.
      kill();
      await ended;
      throw error;
    } finally {
      signal?.removeEventListener('abort', kill);
    }
    const how = await ended;
    if (signal?.aborted) throw cancelled();
    if (how !== '') throw toolFailed(command, said, how);
    return { digest: `sha256:${hash.digest('hex')}`, size };
  } finally {
    await file.close();
  }
}

/** Nothing of the editor's but what finds programs and the way to the network. */
function toolEnvironment(folder: string): NodeJS.ProcessEnv {
  const proxies = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  const kept = proxies.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return {
    ...Object.fromEntries(kept),
    PATH: administratorPath(process.env.PATH ?? ''),
    HOME: folder,
    TMPDIR: folder,
    LANG: 'C.UTF-8',
  };
}

function toolFailed(command: readonly string[], said: string, how: string) {
  const tool = command.find((part) => /debstrap$|debootstrap$/.test(part))?.replace(/^.*\//, '') ?? 'The tool';
  // Both mark lines that say why; the first is the reason, the others what followed from it.
  const cause = /^E: (.*)$/m.exec(said)?.[1] ?? how;
  return terrariumError(ErrorCode.Unavailable, `${tool} did not succeed`, { cause, fix: fixFor(said) });
}

function fixFor(said: string): string {
  if (/NO_PUBKEY|not signed|Couldn't download .*Release|keyring|signature/i.test(said)) {
    return 'Install the keyring of that distribution (debian-archive-keyring, ubuntu-keyring), or check the suite.';
  }
  if (/Could not resolve|Failed to fetch|Cannot initiate|Connection|Couldn't download|404/i.test(said)) {
    return 'Check the network, the name of the suite, and the mirror.';
  }
  if (/Unable to locate package|Couldn't find these debs/i.test(said)) return 'Check the names of the packages.';
  return 'What it printed tells more.';
}

import { accessSync, constants, readFileSync } from 'node:fs';
import * as path from 'node:path';
import type { BootstrapTool } from '../protocol/images.js';

export type ToolName = BootstrapTool['tool'];

/** Which package manager installs what, by the families of os-release(5). Absent: the distribution has no such package. */
const installers: Readonly<Record<string, { command: string; tools: readonly ToolName[] }>> = {
  debian: { command: 'sudo apt-get install', tools: ['mmdebstrap', 'debootstrap'] },
  ubuntu: { command: 'sudo apt-get install', tools: ['mmdebstrap', 'debootstrap'] },
  fedora: { command: 'sudo dnf install', tools: ['debootstrap'] },
  rhel: { command: 'sudo dnf install', tools: ['debootstrap'] },
  arch: { command: 'sudo pacman -S', tools: ['debootstrap'] },
  suse: { command: 'sudo zypper install', tools: ['debootstrap'] },
  opensuse: { command: 'sudo zypper install', tools: ['debootstrap'] },
  alpine: { command: 'sudo apk add', tools: ['debootstrap'] },
};

/** Best first: mmdebstrap is made for ordinary users. */
const names: readonly ToolName[] = ['mmdebstrap', 'debootstrap'];

/** The command that installs a tool. @param osRelease content of /etc/os-release. */
export function installCommand(tool: ToolName, osRelease: string): string | undefined {
  const field = (name: string) =>
    new RegExp(`^${name}=["']?([^"'\\n]*)`, 'm').exec(osRelease)?.[1]?.trim().split(/\s+/) ?? [];
  const families = [...field('ID'), ...field('ID_LIKE')];
  const installer = families.map((family) => installers[family]).find((one) => one !== undefined);
  return installer?.tools.includes(tool) === true ? `${installer.command} ${tool}` : undefined;
}

/** What is installed, and how to get what is not. */
export function findBootstrapTools(
  searchPath = process.env.PATH ?? '',
  osRelease: () => string = readOsRelease,
): BootstrapTool[] {
  return names.map((tool) => {
    const found = toolPath(tool, searchPath);
    const command = found === undefined ? installCommand(tool, osRelease()) : undefined;
    return { tool, ...(found === undefined ? {} : { path: found }), ...(command === undefined ? {} : { command }) };
  });
}

/** PATH for tools of administrators, which an ordinary user's may lack. */
export function administratorPath(searchPath: string): string {
  return [...new Set([...searchPath.split(':').filter(Boolean), '/usr/sbin', '/usr/bin', '/sbin', '/bin'])].join(':');
}

function toolPath(tool: ToolName, searchPath: string): string | undefined {
  return administratorPath(searchPath)
    .split(':')
    .map((folder) => path.join(folder, tool))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function readOsRelease(): string {
  for (const file of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return '';
}

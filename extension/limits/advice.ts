import type { LimitName, LimitValue } from '../../helper/protocol/limits.js';
import { formatBytes, formatUsage } from './units.js';

/** What the machine has, so that a limit beyond it can be told apart from one that bites. */
export interface MachineSize {
  cores: number;
  memoryBytes: number;
}

export interface Advice {
  severity: 'warning' | 'information';
  text: string;
}

/**
 * What a person should know before this value is applied: what happens when it is below present use (cgroup-v2.rst of
 * the kernel), or that it will never be reached. Nothing when it is a plain, useful limit.
 */
export function adviseOnLimit(
  name: LimitName,
  value: LimitValue,
  usage: number | undefined,
  machine: MachineSize,
): Advice | undefined {
  if (value === 'max') return undefined;
  if (usage !== undefined && value < usage) {
    const now = formatUsage(name, usage);
    switch (name) {
      case 'memory.max':
        return warning(
          `Below the ${now} in use: the kernel reclaims what it can, then kills processes in the container.`,
        );
      case 'memory.swap.max':
        return warning(`Below the ${now} of swap in use: nothing more is swapped out until it has shrunk.`);
      case 'cpu.max':
        return warning(`Below the ${now} in use: the container will be slowed down.`);
      case 'pids.max':
        return warning(`Below the ${now} there now: they stay, but none can start another.`);
      case 'cpu.weight':
        return undefined;
    }
  }
  if (name === 'cpu.max' && value > machine.cores) {
    return information(`This machine has ${machine.cores} ${machine.cores === 1 ? 'core' : 'cores'}: never reached.`);
  }
  if (name === 'memory.max' && value > machine.memoryBytes) {
    return information(`This machine has ${formatBytes(machine.memoryBytes)}: never reached.`);
  }
  return undefined;
}

const warning = (text: string): Advice => ({ severity: 'warning', text });
const information = (text: string): Advice => ({ severity: 'information', text });

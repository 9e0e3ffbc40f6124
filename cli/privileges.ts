import * as path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ContainerSpecification, findCapability } from '../helper/protocol/index.js';

/** What `run` and `create` take about what a container may do. */
export interface PrivilegeOptions {
  capAdd?: string[];
  capDrop?: string[];
  seccomp?: string;
  seccompAllow?: string[];
  seccompNotify?: boolean;
  /** False with --no-no-new-privs. */
  newPrivs?: boolean;
}

/** Options that say what a container may do. */
export function withPrivilegeOptions(command: Command): Command {
  return command
    .option('--cap-add <name>', 'a capability beyond the default set, or ALL (may be repeated)', collectCapability)
    .option('--cap-drop <name>', 'a capability to do without, or ALL (may be repeated)', collectCapability)
    .option('--seccomp <profile>', 'default, unconfined, or a file with a profile in OCI’s or Docker’s format')
    .option('--seccomp-allow <call>', 'let a system call through, whatever the profile says (may be repeated)', collect)
    .option('--seccomp-notify', 'count the calls that are refused: see terrarium denied')
    .addOption(new Option('--new-privs', 'let programs gain privileges: setuid, file capabilities (no_new_privs off)'));
}

const collect = (text: string, previous: string[] = []): string[] => [...previous, text];

/** A name as capabilities(7) has it, with or without `CAP_`, in any case; `ALL` for every one. */
export function collectCapability(text: string, previous: string[] = []): string[] {
  const name = /^(CAP_)?ALL$/i.test(text) ? 'CAP_ALL' : findCapability(text)?.name;
  if (name === undefined) {
    throw new InvalidArgumentError(`There is no capability "${text}": terrarium caps list has them all.`);
  }
  return [...previous, name];
}

type Privileges = Pick<ContainerSpecification, 'capabilities' | 'seccomp' | 'noNewPrivileges'>;

/** The same in the protocol's words. @throws InvalidArgumentError for exceptions from no filter */
export function privilegesOf(options: PrivilegeOptions): Privileges {
  const { capAdd, capDrop, newPrivs } = options;
  const seccomp = seccompOf(options);
  return {
    ...(capAdd === undefined && capDrop === undefined
      ? {}
      : {
          capabilities: {
            ...(capAdd === undefined ? {} : { add: capAdd }),
            ...(capDrop === undefined ? {} : { drop: capDrop }),
          },
        }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(newPrivs === true ? { noNewPrivileges: false } : {}),
  };
}

function seccompOf({ seccomp, seccompAllow, seccompNotify }: PrivilegeOptions): Privileges['seccomp'] {
  if (seccomp === 'unconfined') {
    if (seccompAllow === undefined && seccompNotify === undefined) return seccomp;
    throw new InvalidArgumentError(
      'Without a filter nothing is refused: leave --seccomp-allow and --seccomp-notify out.',
    );
  }
  const profile = seccomp === undefined || seccomp === 'default' ? seccomp : path.resolve(seccomp);
  const choice = {
    ...(profile === undefined ? {} : { profile }),
    ...(seccompAllow === undefined ? {} : { allow: seccompAllow }),
    ...(seccompNotify === undefined ? {} : { notify: seccompNotify }),
  };
  return Object.keys(choice).length === 0 ? undefined : choice;
}

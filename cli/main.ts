#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { addBuildingCommands } from './building.js';
import { addCapabilityCommands } from './capabilities.js';
import { connect, disconnect } from './client.js';
import { addContainerCommands } from './containers.js';
import { addDeniedCommand } from './denied.js';
import { addDoctorCommand } from './doctor.js';
import { addEnteringCommands } from './entering.js';
import { addExportingCommands } from './exporting.js';
import { describeFailure, exitStatus, statusOf } from './failure.js';
import { addFileCommands } from './files.js';
import { addGroupCommands } from './groups.js';
import { addImageCommands } from './images.js';
import { addLimitsCommand } from './limits.js';
import { addLookingCommands } from './looking.js';
import { addMountCommands } from './mounts.js';
import { addNamespaceCommands } from './namespaces.js';
import { addNetworkCommands } from './networks.js';
import { addPodCommands } from './pods.js';
import { addPortCommands } from './ports.js';
import { addRegistryCommands } from './registry.js';
import { addStatsCommand } from './stats.js';

const print = (text: string) => process.stdout.write(`${text}\n`);

const program = new Command('terrarium')
  .description('Rootless Linux containers straight from the kernel')
  .enablePositionalOptions()
  .showHelpAfterError()
  .exitOverride();
addContainerCommands(program, connect, print);
addImageCommands(program, connect, print);
addBuildingCommands(program, connect, print);
addRegistryCommands(program, connect, print);
addExportingCommands(program, connect, print);
addEnteringCommands(program, connect);
addLookingCommands(program, connect, print);
addDoctorCommand(program, connect, print);
addMountCommands(program, connect, print);
addNamespaceCommands(program, connect, print);
addNetworkCommands(program, connect, print);
addPodCommands(program, connect, print);
addPortCommands(program, connect, print);
addLimitsCommand(program, connect, print);
addStatsCommand(program, connect, print);
addGroupCommands(program, connect, print);
addFileCommands(program, connect, print);
addCapabilityCommands(program, connect, print);
addDeniedCommand(program, connect, print);

// A reader that goes away (head, less) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? 0 : exitStatus.failed),
);

program
  .parseAsync()
  .catch((error: unknown) => {
    // commander has printed its own, help included; what a command finds wrong with an argument it has not.
    const { exitCode, code } = error as { exitCode?: number; code?: unknown };
    if (typeof code === 'string' && code.startsWith('commander.') && !(error instanceof InvalidArgumentError)) {
      process.exitCode = exitCode === 0 ? 0 : exitStatus.failed;
      return;
    }
    process.stderr.write(`${describeFailure(error)}\n`);
    process.exitCode = statusOf(error);
  })
  // The connection would keep the process; what was written must get out first.
  .then(disconnect)
  .finally(() => process.stdout.write('', () => process.exit()));

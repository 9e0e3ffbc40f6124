import { mkdirSync } from 'node:fs';
import * as path from 'node:path';
import { testContainers } from './containers.js';
import { startHelper } from './helperProcess.js';

// A runtime folder, and so a zygote, of the test's own: it is born in the cgroups that the test is in.
testContainers('v1', (t) =>
  startHelper(t, (folder) => {
    const runtime = path.join(folder, 'run');
    mkdirSync(runtime, { mode: 0o700 });
    return { XDG_RUNTIME_DIR: runtime };
  }),
);

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { TestContext } from 'node:test';
import { v1Controllers } from '../../../helper/cgroup/record.js';
import * as protocol from '../../../helper/protocol/index.js';
import { TestHelper } from '../support/helper.js';
import { type Home, makeHome, removeHome } from '../support/home.js';
import { parseMountinfo } from '../support/kernel.js';
import { eventually } from '../support/wait.js';

/** Where the tests of one file start helpers: folders of their own, and cgroups that nobody else makes groups in. */
export class Place {
  private readonly helpers: TestHelper[] = [];

  private constructor(
    readonly home: Home,
    /** Of each helper, and so of the zygote that it starts. */
    private readonly wrapper: readonly string[],
    private readonly own: readonly string[],
  ) {}

  /**
   * @param shared the user's own runtime folder, where systemd is asked for a delegated unit; else cgroups of v1 are made
   * for it below those that the test is in, where it may
   */
  static make(t: TestContext, how: { shared: boolean }): Place {
    const made = makeHome();
    const runtime = process.env.XDG_RUNTIME_DIR ?? '';
    const home = how.shared ? { ...made, environment: { ...made.environment, XDG_RUNTIME_DIR: runtime } } : made;
    const own = how.shared ? [] : ownGroups();
    const enter = own.map((group) => `echo $$ > '${group}/cgroup.procs' || exit 1`).join('\n');
    const place = new Place(home, own.length === 0 ? [] : ['sh', '-c', `${enter}\nexec "$@"`, 'sh'], own);
    t.after(() => place.remove());
    return place;
  }

  async helper(): Promise<TestHelper> {
    const helper = await TestHelper.start(this.home, this.wrapper);
    this.helpers.push(helper);
    return helper;
  }

  private async remove(): Promise<void> {
    const helper = await this.helper();
    for (const { id } of await helper.ask(protocol.ListContainers)) {
      await helper.request(protocol.RemoveContainer, { container: id, force: true });
    }
    for (const each of this.helpers) await each.stop();
    await removeHome(this.home);
    for (const group of this.own) await eventually(`the end of ${group}`, () => removeOnceEmpty(group));
  }
}

function removeOnceEmpty(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    return false;
  }
}

let counter = 0;

/** A group of the test's own in each v1 hierarchy in which it may make one. */
function ownGroups(): string[] {
  const mounts = parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  const name = `terrarium-own-${process.pid}-${counter++}`;
  const made: string[] = [];
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, controllers = '', group = ''] = line.split(':');
    const mount = mounts.find(
      ({ type, superOptions }) =>
        type === 'cgroup' && controllers.split(',').every((controller) => superOptions.includes(controller)),
    );
    if (mount === undefined || !v1Controllers.some((name) => controllers.split(',').includes(name))) continue;
    const folder = path.join(mount.destination, path.relative(mount.root, group), name);
    try {
      mkdirSync(folder);
    } catch (error) {
      if (['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) continue;
      throw error;
    }
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const above = path.join(folder, '..', file);
      if (existsSync(above)) writeFileSync(path.join(folder, file), readFileSync(above));
    }
    made.push(folder);
  }
  return made;
}

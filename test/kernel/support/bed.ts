import { after, before } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { type AttachOutcome, readToEnd } from './attached.js';
import { TestHelper } from './helper.js';
import { type Home, makeHome, removeHome } from './home.js';
import { makeBusyboxRoot } from './root.js';

/**
 * What the tests of one file share: a home, a helper, and a root of busybox. Made before the first test; after the last
 * one every container and image is removed, the helpers and the zygote are ended.
 */
export class Bed {
  private made: { home: Home; root: string; helper: TestHelper } | undefined;
  private readonly others: TestHelper[] = [];

  constructor(prepareHome: () => Home = makeHome) {
    before(async () => {
      const home = prepareHome();
      this.made = { home, root: makeBusyboxRoot(home.folder), helper: await TestHelper.start(home) };
    });
    after(async () => {
      const { home, helper } = this.parts;
      for (const other of this.others) await other.stop();
      for (const { id } of await helper.ask(protocol.ListContainers)) {
        await helper.request(protocol.RemoveContainer, { container: id, force: true });
      }
      for (const { name } of await helper.ask(protocol.ListPods)) {
        await helper.request(protocol.RemovePod, { pod: name, force: true });
      }
      for (const { name } of await helper.ask(protocol.ListNetworks)) {
        await helper.request(protocol.RemoveNetwork, { network: name });
      }
      for (const { name } of await helper.ask(protocol.ListImages)) {
        await helper.request(protocol.RemoveImage, { name });
      }
      await helper.stop();
      await removeHome(home);
    });
  }

  private get parts(): { home: Home; root: string; helper: TestHelper } {
    if (this.made === undefined) throw new Error('The bed is made before the first test');
    return this.made;
  }

  get home(): Home {
    return this.parts.home;
  }

  get helper(): TestHelper {
    return this.parts.helper;
  }

  /** One more helper in the same home; stopped after the tests unless it has ended before. */
  async another(): Promise<TestHelper> {
    const helper = await TestHelper.start(this.home);
    this.others.push(helper);
    return helper;
  }

  /** Where the root of busybox lies. */
  get rootFolder(): string {
    return this.parts.root;
  }

  /** The root of busybox, as a specification names it. */
  get root(): protocol.RootSource {
    return { kind: 'directory', path: this.rootFolder };
  }

  /** A script for busybox's shell, on the root of busybox. */
  script(script: string, more: protocol.ContainerSpecification = {}): protocol.ContainerSpecification {
    return { root: this.root, args: ['/bin/sh', '-c', script], ...more };
  }

  /** Runs a script to its end in a container of its own; fails unless it exits with 0. Answers its standard output. */
  async shell(script: string, more: protocol.ContainerSpecification = {}): Promise<string> {
    const { stdout, stderr, exit } = await this.helper.runToEnd(this.script(script, more));
    if (exit.exitCode !== 0) throw new Error(`${script}\nexited with ${exit.exitCode}: ${stdout}${stderr}`);
    return stdout;
  }

  /** A container that stays up, with its init's pid. */
  async up(more: protocol.ContainerSpecification = {}): Promise<protocol.ContainerSummary & { pid: number }> {
    const summary = await this.helper.run({ root: this.root, args: [], ...more });
    if (summary.init === undefined) throw new Error(`${summary.name} has no init`);
    return { ...summary, pid: summary.init.pid };
  }

  /** Runs a command inside a running container to its end. */
  async exec(
    container: string,
    script: string,
    more: protocol.ExecSpecification = {},
  ): Promise<AttachOutcome & { pid: number }> {
    const process = { args: ['/bin/sh', '-c', script], ...more };
    const { attach, identity } = await this.helper.request(protocol.ExecInContainer, { container, process });
    return { ...(await readToEnd(attach)), pid: identity.pid };
  }
}

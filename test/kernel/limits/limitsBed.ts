import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { TestHelper } from '../support/helper.js';
import { type Home, makeHome, removeHome, usersHome } from '../support/home.js';

/** A notification of an edit, as a client was told. */
export type Told = { target: protocol.LimitTarget; edit: protocol.LimitEdit };

/** A helper that is listened to. */
export interface Client {
  helper: TestHelper;
  told: Told[];
}

/**
 * What the tests of one file share: a home and a first client. `own`: a runtime folder, and so a zygote, of its own. Without
 * it systemd can be asked for a delegated unit, as on a desktop.
 */
export class LimitsBed {
  private made: { home: Home; first: Client } | undefined;
  private readonly clients: Client[] = [];

  constructor(runtime: 'own' | 'user') {
    before(async () => {
      const home = runtime === 'own' ? makeHome() : usersHome();
      this.made = { home, first: await this.client(home) };
    });
    after(async () => {
      const { helper } = this.first;
      for (const { id } of await helper.ask(protocol.ListContainers)) {
        await helper.request(protocol.RemoveContainer, { container: id, force: true });
      }
      for (const client of this.clients) await client.helper.stop();
      await removeHome(this.home);
    });
  }

  private get parts(): { home: Home; first: Client } {
    if (this.made === undefined) throw new Error('The bed is made before the first test');
    return this.made;
  }

  get home(): Home {
    return this.parts.home;
  }

  get first(): Client {
    return this.parts.first;
  }

  get helper(): TestHelper {
    return this.first.helper;
  }

  /** One more client, with a helper of its own; stopped after the tests unless it has ended before. */
  async client(home: Home = this.home): Promise<Client> {
    const helper = await TestHelper.start(home);
    const client: Client = { helper, told: [] };
    helper.connection.onNotification(protocol.LimitsChanged, (told) => {
      client.told.push(told);
    });
    this.clients.push(client);
    return client;
  }

  /** Another first client, for the one that was ended. */
  async renew(): Promise<void> {
    this.parts.first = await this.client();
  }

  /** A container on the machine's own programs that stays up. */
  up(specification: protocol.ContainerSpecification = {}): Promise<protocol.ContainerSummary> {
    return this.helper.run({ args: ['/bin/sleep', '600'], ...specification });
  }

  read(container: string, helper = this.helper): Promise<protocol.LimitsReport> {
    return helper.request(protocol.ReadLimits, { container });
  }

  async reading(container: string, name: string, helper = this.helper): Promise<protocol.LimitReading> {
    const found = readingOf(await this.read(container, helper), name);
    assert.ok(found, `${name} is among the limits`);
    return found;
  }

  /** What the kernel's file of a limit holds, read with nothing of Terrarium's. */
  async file(container: string, name: string): Promise<string> {
    const [file] = (await this.reading(container, name)).files;
    assert.ok(file, `${name} is kept in a file`);
    return readFileSync(file, 'utf8').trim();
  }

  set(
    container: string,
    values: Record<string, string>,
    more: Partial<protocol.SetLimitsParams> = {},
    helper = this.helper,
  ): Promise<protocol.LimitsOutcome> {
    const changes = Object.entries(values).map(([name, value]) => ({ name, value }));
    return helper.request(protocol.SetLimits, { target: { container }, changes, ...more });
  }

  undo(container: string, helper = this.helper): Promise<protocol.LimitsOutcome> {
    return helper.request(protocol.UndoLimits, { target: { container } });
  }

  edits(container: string, helper = this.helper): Promise<protocol.LimitEdit[]> {
    return helper.request(protocol.ListLimitEdits, { target: { container } });
  }

  /** A test that wants cgroups with memory and pids; skipped, with the helper's own reason, where there are none. */
  testWithCgroups(name: string, body: (t: TestContext) => Promise<void>): void {
    test(name, async (t) => {
      const { id } = await this.helper.request(protocol.CreateContainer, { specification: {} });
      const { mode, notice } = await this.read(id);
      await this.helper.request(protocol.RemoveContainer, { container: id });
      if (mode === 'none') t.skip(`no cgroup is delegated to this user: ${notice?.reason}`);
      else await body(t);
    });
  }
}

export function readingOf(
  report: Pick<protocol.LimitsReport, 'readings'>,
  name: string,
): protocol.LimitReading | undefined {
  return report.readings.find((reading) => reading.name === name);
}

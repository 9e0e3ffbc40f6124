import { Disposable } from 'vscode';
import * as z from 'zod/mini';
import { CompareProcesses, Inspect, InspectProcess, type ProcessTarget } from '../../helper/protocol/index.js';
import { TextDocuments } from '../documents/textDocuments.js';
import type { HelperClient } from '../helperClient.js';
import { jsonText } from '../text/untrusted.js';
import { comparisonText } from './comparisonText.js';
import { environmentText, openFilesText } from './processText.js';

/** Anybody can open an URI: what it says is checked. */
const target = z.union([
  z.object({ pid: z.int().check(z.positive()), startTime: z.optional(z.number()) }),
  z.object({ container: z.string() }),
  z.object({ host: z.literal(true) }),
]);
const pair = z.object({ a: target, b: target });

/** Documents about processes, each read when it is shown: nothing of an environment is kept anywhere else. */
export class ProcessDocuments implements Disposable {
  private readonly inspections: TextDocuments;
  private readonly environments: TextDocuments;
  private readonly openFiles: TextDocuments;
  private readonly comparisons: TextDocuments;

  constructor(helper: HelperClient) {
    const inspectProcess = (subject: string, more: { environment?: boolean; files?: boolean }) =>
      helper.request(InspectProcess, { target: asTarget(target.parse(JSON.parse(subject))), ...more });
    this.inspections = new TextDocuments('terrarium-process', async (subject) =>
      jsonText(await helper.request(Inspect, { target: asTarget(target.parse(JSON.parse(subject))) })),
    );
    this.environments = new TextDocuments('terrarium-environment', async (subject) =>
      environmentText(await inspectProcess(subject, { environment: true })),
    );
    this.openFiles = new TextDocuments('terrarium-open-files', async (subject) =>
      openFilesText(await inspectProcess(subject, { files: true })),
    );
    this.comparisons = new TextDocuments('terrarium-comparison', async (subject) => {
      const { a, b } = pair.parse(JSON.parse(subject));
      return comparisonText(await helper.request(CompareProcesses, { a: asTarget(a), b: asTarget(b) }));
    });
  }

  /** @param name of the process, for the tab. */
  async showInspection(of: ProcessTarget, name: string): Promise<void> {
    await this.inspections.show(JSON.stringify(of), `${fileName(name)}.json`);
  }

  async showEnvironment(of: ProcessTarget, name: string): Promise<void> {
    await this.environments.show(JSON.stringify(of), `${fileName(name)}.env`);
  }

  async showOpenFiles(of: ProcessTarget, name: string): Promise<void> {
    await this.openFiles.show(JSON.stringify(of), `${fileName(name)}-files.txt`);
  }

  async showComparison(a: ProcessTarget, b: ProcessTarget, name: string): Promise<void> {
    await this.comparisons.showRendered(JSON.stringify({ a, b }), `${fileName(name)}.md`);
  }

  dispose(): void {
    Disposable.from(this.inspections, this.environments, this.openFiles, this.comparisons).dispose();
  }
}

/** Without a start time that is there but undefined, as the parser types it. */
function asTarget(parsed: z.infer<typeof target>): ProcessTarget {
  if (!('pid' in parsed)) return parsed;
  const { pid, startTime } = parsed;
  return startTime === undefined ? { pid } : { pid, startTime };
}

/** Without what separates folders: names of containers on disk can be anything. */
function fileName(name: string): string {
  return name.replace(/[^\w.-]+/g, '_');
}

import assert from 'node:assert/strict';
import { EnterProcess, type ExecSpecification } from '../../../helper/protocol/index.js';
import { readToEnd } from '../support/attached.js';
import type { Bed } from '../support/bed.js';

/** Enters the namespaces of a process, and answers what a script says there; fails unless it exits with 0. */
export async function saidBy(bed: Bed, pid: number, script: string, more: ExecSpecification = {}): Promise<string> {
  const args = ['sh', '-c', script];
  const { attach } = await bed.helper.request(EnterProcess, { process: { pid }, args, ...more });
  const { stdout, stderr, exitCode } = await readToEnd(attach);
  assert.equal(exitCode, 0, stderr);
  return stdout;
}

import { type LogEntry, ReadLogs } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { logText } from './logText.js';

/** Far above what a monitor keeps; a document beyond it would not be readable either. */
const mostRounds = 64;

/** All output of a container that its monitor kept, as text. */
export async function readLog(helper: HelperClient, container: string): Promise<string> {
  const entries: LogEntry[] = [];
  let from: string | undefined;
  for (let round = 0; round < mostRounds; round++) {
    const result = await helper.request(ReadLogs, { container, ...(from === undefined ? {} : { from }) });
    entries.push(...result.entries);
    if (result.entries.length === 0 || result.next === from) {
      break;
    }
    from = result.next;
  }
  return entries.length === 0 ? 'The container has printed nothing.\n' : logText(entries);
}

/** /proc/PID/limits: the resource limits of a process, readable for everybody. proc_pid_limits(5) */
import { ErrorCode, type InspectedRlimit, terrariumError } from '../protocol/index.js';

/** What the file calls each. getrlimit(2) */
const namesByTitle = new Map([
  ['Max cpu time', 'RLIMIT_CPU'],
  ['Max file size', 'RLIMIT_FSIZE'],
  ['Max data size', 'RLIMIT_DATA'],
  ['Max stack size', 'RLIMIT_STACK'],
  ['Max core file size', 'RLIMIT_CORE'],
  ['Max resident set', 'RLIMIT_RSS'],
  ['Max processes', 'RLIMIT_NPROC'],
  ['Max open files', 'RLIMIT_NOFILE'],
  ['Max locked memory', 'RLIMIT_MEMLOCK'],
  ['Max address space', 'RLIMIT_AS'],
  ['Max file locks', 'RLIMIT_LOCKS'],
  ['Max pending signals', 'RLIMIT_SIGPENDING'],
  ['Max msgqueue size', 'RLIMIT_MSGQUEUE'],
  ['Max nice priority', 'RLIMIT_NICE'],
  ['Max realtime priority', 'RLIMIT_RTPRIO'],
  ['Max realtime timeout', 'RLIMIT_RTTIME'],
]);

/** In the kernel's units: bytes, seconds, microseconds (RLIMIT_RTTIME), counts. Kinds of later kernels are left out. */
export function parseLimits(text: string): InspectedRlimit[] {
  const [, ...lines] = text.trimEnd().split('\n');
  return lines.flatMap((line) => {
    // Columns are padded with spaces, and titles have single ones within.
    const [title = '', soft = '', hard = ''] = line.split(/ {2,}/);
    const type = namesByTitle.get(title);
    return type === undefined ? [] : [{ type, soft: parseValue(soft), hard: parseValue(hard) }];
  });
}

function parseValue(text: string): number | 'unlimited' {
  if (text === 'unlimited') return text;
  if (/^\d+$/.test(text)) return Number(text);
  throw terrariumError(ErrorCode.Internal, `Not a limit in /proc/PID/limits: ${JSON.stringify(text.slice(0, 100))}`);
}

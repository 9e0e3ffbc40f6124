/** What the grammar cannot say of a seccomp profile: whether its names are there, and whether it makes a filter. Pure. */
import { ResponseError } from 'vscode-jsonrpc';
import type { oci, SeccompChoice, TerrariumError } from '../protocol/index.js';
import { systemCallNumbers } from '../security/seccomp/architecture.js';
import { compileSeccomp } from '../security/seccomp/compile.js';
import type { Path } from './document.js';
import type { Misgiving, Severity } from './problems.js';
import { seccompArchitectureNames } from './vocabulary.js';

export const say = (severity: Severity, path: Path, message: string): Misgiving => ({ severity, path, message });

/** What a function of the helper refuses, as a start would refuse it. */
export function refusal(path: Path, work: () => unknown): Misgiving[] {
  try {
    work();
    return [];
  } catch (error) {
    // Errors of the protocol are answers; others are defects.
    if (!(error instanceof ResponseError)) throw error;
    return [say('error', path, explained(error))];
  }
}

/** As one text: what, why, what to do. */
export const explained = ({ message, data }: TerrariumError): string =>
  [message, data?.cause, data?.fix].flatMap((part) => part?.replace(/\.$/, '') ?? []).join('. ');

const knownCalls: ReadonlySet<string> = new Set(Object.values(systemCallNumbers).flatMap(Object.keys));

/** Of a profile whose rules stand at `at`, in the order of the file. */
export function profileMisgivings(profile: oci.Seccomp, at: Path): Misgiving[] {
  const { syscalls = [], ...rest } = profile;
  const architectures = (profile.architectures ?? []).flatMap((name, index) =>
    seccompArchitectureNames.has(name)
      ? []
      : [
          say(
            'warning',
            [...at, 'architectures', index],
            `There is no architecture "${name}"; its name begins with SCMP_ARCH_`,
          ),
        ],
  );
  const rules = syscalls.flatMap((rule, index) => {
    const path = [...at, 'syscalls', index];
    const unknown = rule.names.flatMap((name, position) => unknownCall(name, [...path, 'names', position]));
    return [...unknown, ...refusal(path, () => compileSeccomp({ ...rest, syscalls: [rule] }))];
  });
  return rules.some(({ severity }) => severity === 'error')
    ? [...architectures, ...rules]
    : [...architectures, ...rules, ...refusal(at, () => compileSeccomp(profile))];
}

/** Of what is let through beside a profile. */
export function allowMisgivings({ allow = [] }: SeccompChoice, at: Path): Misgiving[] {
  return allow.flatMap((name, index) => unknownCall(name, [...at, 'allow', index]));
}

function unknownCall(name: string, path: Path): Misgiving[] {
  return knownCalls.has(name)
    ? []
    : [say('warning', path, `Neither x86-64 nor arm64 has a system call "${name}": passed over`)];
}

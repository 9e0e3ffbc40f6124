/** Reading a seccomp profile that a specification names, for the container that is being made. */
import { constants, promises as fs } from 'node:fs';
import { release } from 'node:os';
import { isSystemFailure } from '../image/failure.js';
import { contentOf, readText } from '../language/document.js';
import { findProfileProblems } from '../language/seccompFile.js';
import { type ContainerSpecification, ErrorCode, type oci, terrariumError } from '../protocol/index.js';
import { containerCapabilities } from '../security/capabilities.js';
import { ownArchitecture } from '../security/seccomp/architecture.js';
import { resolveProfile } from '../security/seccomp/profileFile.js';
import { seccompChoice } from '../specification/seccomp.js';

/** Docker's own has 20 KiB. */
const largestProfile = 1024 * 1024;

/**
 * The specification with the profile itself in the place of the file that has it, as it is for this container: the file may be
 * another one when the container is started. @throws Invalid, with the line, for what is no profile; NotFound
 */
export async function settledProfile(specification: ContainerSpecification): Promise<ContainerSpecification> {
  const choice = seccompChoice(specification);
  if (choice === 'unconfined' || choice.profile === undefined || choice.profile === 'default') return specification;
  const { profile } = choice;
  const value = typeof profile === 'string' ? await readProfile(profile) : profile;
  const resolved: oci.Seccomp = resolveProfile(value, {
    capabilities: containerCapabilities(specification.capabilities ?? {}),
    architecture: ownArchitecture(),
    kernel: release(),
  });
  return { ...specification, seccomp: { ...choice, profile: resolved } };
}

/** The value of a file with a profile. @throws Invalid, with the line, for what is no profile; NotFound */
export async function readProfile(file: string): Promise<unknown> {
  const text = await readFile(file);
  const document = readText(text);
  const line = (offset: number) => text.slice(0, offset).split('\n').length;
  const problems =
    document.syntaxErrors.length > 0
      ? document.syntaxErrors.map(({ start, message }) => `line ${line(start)}: ${message}`)
      : findProfileProblems(document)
          .filter(({ severity }) => severity === 'error')
          .map(({ span, message }) => `line ${line(span.start)}: ${message}`);
  if (problems.length === 0) return contentOf(document);
  throw terrariumError(ErrorCode.Invalid, `${file} is no valid seccomp profile: ${problems[0]}`, {
    path: file,
    cause: problems.join('\n'),
    fix: 'Correct the lines named above; the editor shows them underlined in a file that ends with .seccomp.json.',
  });
}

/** Of regular files only, and a bounded part: a FIFO would block, and a device never end. */
async function readFile(file: string): Promise<string> {
  let handle: fs.FileHandle | undefined;
  try {
    handle = await fs.open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (!(await handle.stat()).isFile()) {
      throw terrariumError(ErrorCode.Invalid, `${file} is no ordinary file`, {
        path: file,
        fix: 'Name a file with a profile, or "default".',
      });
    }
    // One byte more than allowed tells that there are more.
    const buffer = Buffer.alloc(largestProfile + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = (await handle.read(buffer, length, buffer.length - length, null)).bytesRead;
    }
    if (length <= largestProfile) return buffer.toString('utf8', 0, length);
  } catch (error) {
    if (!isSystemFailure(error)) throw error;
    throw terrariumError(ErrorCode.NotFound, `The seccomp profile ${file} cannot be read`, {
      path: file,
      syscall: error.syscall,
      errno: error.code,
      fix: 'Name a file with a profile, or "default".',
    });
  } finally {
    await handle?.close();
  }
  throw terrariumError(ErrorCode.Invalid, `${file} is too large for a seccomp profile`, {
    path: file,
    cause: `It has more than ${largestProfile / 1024} KiB.`,
    fix: 'Name a file with a profile, or "default".',
  });
}

import { z } from 'zod';
import type { BootstrapParams } from '../protocol/images.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import type { ToolName } from './tools.js';

// Nothing here may begin with a dash, be a path (debootstrap takes a suite for the name of a script) or hold a comma.
const word = z.string().regex(/^[a-z0-9][a-z0-9.-]*$/, 'small letters, digits, "." and "-"');
const schema = z.object({
  suite: word,
  variant: word.optional(),
  packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]*(:[a-z0-9]+)?$/, 'the name of a package')).optional(),
  mirror: z
    .string()
    .regex(/^(?:(?:https?|file|copy):\/\S+|deb (?:\[[^\]\n]*\] )?\S+ \S+( \S+)*)$/, 'a URL, or a line "deb …"')
    .optional(),
});

export type BootstrapChoices = Pick<BootstrapParams, 'suite' | 'variant' | 'packages' | 'mirror'>;

/**
 * The command that installs a distribution and writes it, as a tar, to its standard output. It is run as root of a user
 * namespace with many ids, in mount and pid namespaces of its own.
 * @param folder of ours, empty, for what is not finished.
 * @throws TerrariumError Invalid for what is no suite, package, variant or mirror.
 */
export function bootstrapCommand(
  tool: { tool: ToolName; path: string },
  choices: BootstrapChoices,
  folder: string,
): string[] {
  const { suite, variant = 'minbase', packages = [], mirror } = check(choices);
  const include = packages.length > 0 ? [`--include=${packages.join(',')}`] : [];
  if (tool.tool === 'mmdebstrap') {
    // As root this mode unshares no user namespace, and like it makes no devices.
    const options = ['--mode=unshare', '--format=tar', `--variant=${variant}`, ...include];
    return [tool.path, ...options, suite, '-', ...(mirror === undefined ? [] : [mirror])];
  }
  if (mirror?.startsWith('deb ')) {
    throw invalid('mirror: debootstrap takes a URL, and no line of sources.list');
  }
  // minbase has to be asked for by name; so has the standard system, which debootstrap has no name for.
  const options = [...(variant === 'standard' ? [] : [`--variant=${variant}`]), ...include];
  const target = `${folder}/root`;
  const pack = 'tar --create --one-file-system --numeric-owner --xattrs --xattrs-include=* --directory="$0" .';
  return [
    // What it calls a container of lxc is one where devices cannot be made, and are bound instead.
    'env',
    'container=lxc',
    'sh',
    '-c',
    `"$@" >&2 && exec ${pack}`,
    target,
    tool.path,
    ...options,
    suite,
    target,
    ...(mirror === undefined ? [] : [mirror]),
  ];
}

function check(choices: BootstrapChoices): BootstrapChoices {
  const result = schema.safeParse(choices);
  if (result.success) return choices;
  throw invalid(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
}

function invalid(problem: string) {
  return terrariumError(ErrorCode.Invalid, `This cannot be installed: ${problem}`, {
    fix: 'Correct what is named above.',
  });
}

import type { ImageConfig } from '../image/layout.js';
import type { CommitParams } from '../protocol/images.js';

/** A layer to be put on an image; without a diffID: nothing was changed. */
export interface NewLayer {
  diffId?: string;
  createdBy: string;
}

export interface CommitFacts extends Pick<CommitParams, 'comment' | 'author' | 'config'> {
  /** ISO 8601. */
  created: string;
  layers: readonly NewLayer[];
}

type History = NonNullable<ImageConfig['history']>;

/** The configuration of an image with further layers: all that it said before stays, but for what is replaced. Pure. */
export function committedConfig(
  base: ImageConfig,
  { created, author, comment, config, layers }: CommitFacts,
): ImageConfig {
  const diffIds = base.rootfs.diff_ids;
  const known = base.history ?? [];
  const described = known.filter((entry) => entry.empty_layer !== true).length;
  // Each layer has its line, or other tools take one for another's.
  const unknown: History = Array.from({ length: Math.max(0, diffIds.length - described) }, () => ({}));
  const added = layers.map(({ diffId, createdBy }, index) => ({
    created,
    created_by: createdBy,
    ...(author === undefined ? {} : { author }),
    ...(comment === undefined || index < layers.length - 1 ? {} : { comment }),
    ...(diffId === undefined ? { empty_layer: true } : {}),
  }));
  return {
    ...base,
    created,
    ...(author === undefined ? {} : { author }),
    config: { ...base.config, ...replaced(config ?? {}) },
    rootfs: { ...base.rootfs, diff_ids: [...diffIds, ...layers.flatMap(({ diffId }) => diffId ?? [])] },
    history: [...known, ...unknown, ...added],
  };
}

/** A command replaces the entry point too, which would else take it for arguments. */
function replaced({ env, args, cwd, user }: NonNullable<CommitParams['config']>): NonNullable<ImageConfig['config']> {
  return {
    ...(env === undefined ? {} : { Env: env }),
    ...(args === undefined ? {} : { Entrypoint: null, Cmd: args }),
    ...(cwd === undefined ? {} : { WorkingDir: cwd }),
    ...(user === undefined ? {} : { User: user }),
  };
}

/**
 * When an image is said to have been made: now, or what SOURCE_DATE_EPOCH says, so that the same content gives the same
 * image. Source: reproducible-builds.org, "SOURCE_DATE_EPOCH specification".
 */
export function creationTime(environment: NodeJS.ProcessEnv, now: Date): string {
  const epoch = environment.SOURCE_DATE_EPOCH;
  return (epoch !== undefined && /^\d{1,11}$/.test(epoch) ? new Date(Number(epoch) * 1000) : now).toISOString();
}

import { dirname } from 'node:path';
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, MS_PRIVATE, MS_REC } from './constants.js';
import { type OverlayLayers, overlayData } from './mountOptions.js';
import type { Step } from './step.js';

/** The root file system, ready to be mounted. */
export interface RootPlan {
  /** Mount point, a folder of ours. */
  path: string;
  /** A folder of ours to mount a tmpfs on, that then holds the writable folders. */
  scratch?: string | undefined;
  content: LayeredRoot | ComposedRoot;
}

/** One overlay. */
export interface LayeredRoot {
  kind: 'layered';
  layers: OverlayLayers;
}

/** This machine's system, folder by folder: see helper/container/hostRoot.ts. */
export interface ComposedRoot {
  kind: 'composed';
  /** A folder of ours that becomes the root; what is in no other part is written to it. */
  base: string;
  parts: readonly ComposedPart[];
}

export type ComposedPart =
  | { name: string; kind: 'link'; target: string }
  | { name: string; kind: 'empty'; mode: number }
  | { name: string; kind: 'overlay'; layers: OverlayLayers }
  | { name: string; kind: 'bind' };

/** Mounts the root at its place and holds on to it: after these, paths of steps are inside. */
export function rootSteps(root: RootPlan): Step[] {
  const { content } = root;
  const layers =
    content.kind === 'layered'
      ? [{ depth: 1, ...content.layers }]
      : content.parts.flatMap((part) =>
          part.kind === 'overlay' ? [{ depth: part.name.split('/').length, ...part.layers }] : [],
        );
  const writables = layers.flatMap(({ writable }) => writable ?? []);
  const parents = new Set(
    layers.flatMap(({ depth, writable }) =>
      writable === undefined ? [] : [...parentsOf(writable.upper, depth), ...parentsOf(writable.work, depth)],
    ),
  );
  return [
    ...(root.scratch === undefined
      ? []
      : [
          {
            kind: 'mount',
            type: 'tmpfs',
            source: 'tmpfs',
            destination: root.scratch,
            attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
            data: 'mode=700',
          } as const,
        ]),
    ...[...parents].map((path): Step => ({ kind: 'makeDirectory', path, mode: 0o755 })),
    ...writables.flatMap(writableSteps),
    ...(content.kind === 'layered' ? layeredSteps(root.path, content) : composedSteps(root.path, content)),
  ];
}

/** So many folders above one, the topmost first. */
function parentsOf(folder: string, depth: number): string[] {
  const parent = dirname(folder);
  return depth === 1 ? [parent] : [...parentsOf(parent, depth - 1), parent];
}

function writableSteps({ upper, work }: NonNullable<OverlayLayers['writable']>): Step[] {
  return [
    { kind: 'makeDirectory', path: upper, mode: 0o755 },
    // A kernel refuses a layer that was mounted volatile before. What it warns of, a crash of the machine in between, is
    // known: only containers that nobody keeps are mounted so.
    { kind: 'removeTree', path: `${work}/work/incompat` },
    { kind: 'makeDirectory', path: work, mode: 0o700 },
  ];
}

function layeredSteps(path: string, { layers }: LayeredRoot): Step[] {
  return [
    { kind: 'mount', type: 'overlay', source: 'overlay', destination: path, attributes: 0, data: overlayData(layers) },
    { kind: 'setRoot', path },
  ];
}

function composedSteps(path: string, { base, parts }: ComposedRoot): Step[] {
  return [
    { kind: 'makeDirectory', path: base, mode: 0o755 },
    { kind: 'bind', source: base, destination: path, recursive: 0, attributes: 0, propagation: 0, device: 0n },
    { kind: 'setRoot', path },
    ...parts.map(partStep),
  ];
}

function partStep(part: ComposedPart): Step {
  const at = `/${part.name}`;
  switch (part.kind) {
    case 'link':
      // What the container has put in its place on an earlier run is left alone.
      return { kind: 'symlink', target: part.target, path: at, tolerate: 'any' };
    case 'empty':
      return { kind: 'makeDirectory', path: at, mode: part.mode };
    case 'overlay':
      return {
        kind: 'mount',
        type: 'overlay',
        source: 'overlay',
        destination: at,
        attributes: 0,
        data: overlayData(part.layers),
      };
    case 'bind':
      return {
        kind: 'bind',
        source: at,
        destination: at,
        recursive: 1,
        attributes: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
        // What is hidden must stay so: nothing that is mounted there later shows.
        propagation: MS_REC | MS_PRIVATE,
        device: 0n,
      };
  }
}

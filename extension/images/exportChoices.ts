import type { ExportFormat, ExportSource } from '../../helper/protocol/index.js';

export interface ExportChoice {
  format: ExportFormat;
  label: string;
  detail: string;
  /** Of the proposed file name. */
  ending: string;
  /** Of a bundle: without them where that is false. */
  limits?: boolean;
}

/** The one thing that a pod can become. */
export const podChoice: ExportChoice = {
  format: 'kube',
  label: 'Kubernetes Pod',
  detail: 'A manifest for podman kube play and kubectl',
  ending: '.yaml',
};

/** What can be given away, with who takes it. An image has no limits that could be left out. */
export function exportChoicesOf(source: ExportSource): readonly ExportChoice[] {
  return choices.filter(({ limits }) => limits === undefined || source.kind === 'container');
}

const choices: readonly ExportChoice[] = [
  { format: 'tar', label: 'Root File System', detail: 'A plain tar, as docker export writes it', ending: '.tar' },
  {
    format: 'oci-archive',
    label: 'OCI Archive',
    detail: 'The image with its layers, for skopeo, podman and registries',
    ending: '.oci.tar',
  },
  {
    format: 'docker-archive',
    label: 'Docker Archive',
    detail: 'The image with its layers, for docker load and podman load',
    ending: '.docker.tar',
  },
  {
    format: 'bundle',
    label: 'OCI Bundle',
    detail: 'A folder with config.json and rootfs that crun and runc run',
    ending: '-bundle',
  },
  {
    format: 'bundle',
    label: 'OCI Bundle Without Limits',
    detail: 'For runtimes that may make no control group, such as runc without systemd',
    ending: '-bundle',
    limits: false,
  },
  podChoice,
];

/** A file name for what is exported: names of images have slashes and colons. */
export function exportName(name: string, { ending }: ExportChoice): string {
  return `${name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|-+$/g, '') || 'export'}${ending}`;
}

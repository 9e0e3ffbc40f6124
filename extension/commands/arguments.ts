import type {
  ContainerSummary,
  DeniedCall,
  DoctorLine,
  ImageSummary,
  LayerDetails,
  MountInfo,
  NamespaceEntry,
  NetworkInterface,
  NetworkSummary,
  PodSummary,
  ProcessInfo,
  PublishedPort,
  VolumeSummary,
} from '../../helper/protocol/index.js';
import type { Listener } from '../networks/portText.js';

/**
 * What commands are called with from the trees. Anybody can call a command with anything, so each is recognised by
 * its kind; what does not fit counts as nothing.
 */
interface Kinds {
  /** In the view of namespaces it may be in none of our containers. */
  process: { container?: string; process: Pick<ProcessInfo, 'identity' | 'innerPid'> };
  container: { summary: ContainerSummary };
  pod: { pod: PodSummary };
  namespace: { namespace: NamespaceEntry };
  image: { image: ImageSummary };
  layer: { image: string; layer: LayerDetails };
  line: { line: DoctorLine };
  detail: { line: DoctorLine };
  fact: { copy?: string };
  denied: { container: string; denied: DeniedCall };
  mount: { container: string; mount: MountInfo };
  volume: { volume: VolumeSummary };
  volumeFact: { fact: { copy: string } };
  port: { container: string; port: PublishedPort };
  listener: { container: string; listener: Listener };
  interface: { container: string; link: NetworkInterface };
  network: { network: NetworkSummary };
}

/** The node, if it is one of this kind. */
export function nodeOf<K extends keyof Kinds>(kind: K, value: unknown): Kinds[K] | undefined {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
    ? (value as unknown as Kinds[K])
    : undefined;
}

/** The items a command was called on: the selection when it holds the item it was called on, else that item. */
export function calledOn(first: unknown, selection: unknown): unknown[] {
  return Array.isArray(selection) && selection.includes(first) ? selection : [first];
}

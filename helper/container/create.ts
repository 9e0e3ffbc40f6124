import { existsSync } from 'node:fs';
import { layeredRoot } from '../inspect/root.js';
import { resolveUser } from '../inspect/user.js';
import { namedNetworkOf, networkOf } from '../network/endpoints.js';
import { hostsFile } from '../network/hosts.js';
import { readyDefault } from '../network/networks.js';
import { resolverFile } from '../network/resolver.js';
import { networkFolder, readNetwork } from '../network/store.js';
import { tellNames } from '../pods/membership.js';
import { joinedSpecification, memberSpecification, wholeSpecification } from '../pods/specification.js';
import { isPod, lockedPods, readPod } from '../pods/store.js';
import {
  type ContainerSpecification,
  type CreateParams,
  ErrorCode,
  type oci,
  terrariumError,
} from '../protocol/index.js';
import { completeConfig, mergeEnvironment } from '../specification/complete.js';
import { parseSpecification } from '../specification/schema.js';
import type { Identity } from '../zygote/identity.js';
import { resolveChoices } from './hostFacts.js';
import { nameProcesses } from './joins.js';
import type { Machine } from './machine.js';
import { settledSources } from './mountSources.js';
import { inventName } from './names.js';
import type { ContainerRecord } from './record.js';
import { type ResolvedRoot, withRoot } from './root.js';
import { settledProfile } from './seccompFile.js';
import { ContainerStore } from './store.js';
import { keepingVolumes, volumesOf, withVolumes } from './volumes.js';

/**
 * Makes a container: everything that can be wrong with the specification is found here, before anything is made. Its
 * record is to be synced (`ContainerStore.sync`) before anybody is told.
 * @throws Invalid, NotFound, NameTaken, BadInput
 */
export async function createContainer(machine: Machine, params: CreateParams): Promise<ContainerRecord> {
  const specification = await settledProfile(await placed(machine, settled(parseSpecification(params.specification))));
  const { store } = machine;
  const network = networkOf(specification);
  if (network !== undefined) {
    await readyDefault(machine, network);
    readNetwork(machine.locations, network);
  }
  const named = nameProcesses(specification);
  const name = specification.name ?? (await inventName((candidate) => store.isNameTaken(candidate)));
  const id = ContainerStore.newId();
  const volumes = volumesOf(specification.mounts ?? []);
  return withRoot(machine, specification.root ?? { kind: 'host' }, async (root) => {
    const record: ContainerRecord = {
      version: 1,
      id,
      name,
      createdAt: new Date().toISOString(),
      remove: params.remove ?? false,
      stdin: params.stdin ?? false,
      specification,
      config: await configFor(machine, specification, root, name, store.folder(id, 'rootfs')),
      layers: root.layers,
      ...(root.imageDigest === undefined ? {} : { imageDigest: root.imageDigest }),
      ...(named === undefined ? {} : { named }),
    };
    await keepingVolumes(machine, volumes, () => createIn(machine, record));
    return record;
  });
}

/** What the pod that it is in has said already. A group that is a pod's is for containers of the pod only. */
async function placed(machine: Machine, asked: ContainerSpecification): Promise<ContainerSpecification> {
  const { pod, group } = asked;
  if (pod === undefined) {
    if (group === undefined || !(await isPod(machine.locations, group))) return asked;
    throw terrariumError(ErrorCode.Invalid, `The group ${group} is that of the pod of this name`, {
      fix: 'Make the container in the pod, or choose another group.',
      command: `terrarium run --pod ${group}`,
    });
  }
  const record = readPod(machine.locations, pod);
  const specification = memberSpecification(asked, record);
  // The rules for one that joins others: settings of namespaces that are not its own, for one.
  parseSpecification(joinedSpecification(specification, record));
  return specification;
}

/** In a pod, which must not be removed meanwhile. */
async function createIn(machine: Machine, record: ContainerRecord): Promise<void> {
  const { pod: name } = record.specification;
  if (name === undefined) return machine.store.create(record);
  await lockedPods(machine.locations, async () => {
    const pod = readPod(machine.locations, name);
    await machine.store.create(record);
    await tellNames(machine, pod);
  });
}

/** What is shown of this machine is what was named now: another container may lay a link in its place later. */
function settled(specification: ContainerSpecification): ContainerSpecification {
  const { root } = specification;
  if (root?.kind !== 'host' || (root.hide === undefined && root.show === undefined)) return specification;
  return { ...specification, root: { kind: 'host', ...resolveChoices(root) } };
}

/** The complete configuration of a container on this machine, as it is now. */
export async function configFor(
  machine: Machine,
  specification: ContainerSpecification,
  root: ResolvedRoot,
  name: string,
  rootPath: string,
): Promise<oci.Config> {
  const access = await machine.cgroups();
  const wanted = specification.user ?? root.image?.user;
  const user =
    wanted === undefined
      ? { uid: 0, gid: 0, additionalGids: [], home: '/root' }
      : await resolveUser(wanted, layeredRoot(root.layers.length === 0 ? ['/'] : root.layers));
  checkMapped(machine.identity, user);
  const { image } = root;
  const whole = wholeSpecification(machine.locations, specification);
  const network = namedNetworkOf(machine, specification);
  const config = completeConfig(whole, {
    name,
    rootPath,
    identity: machine.identity,
    user,
    ...(image === undefined ? {} : { image: { ...image, env: mergeEnvironment(image.env) } }),
    cgroupMount: access.mode === 'v2',
    hostQueues: existsSync('/dev/mqueue'),
    ...(network === undefined ? {} : { networkFiles: networkFiles(machine, network) }),
  });
  return settledSources(withVolumes(machine.locations, config), specification);
}

/** What every container of the network sees of it. */
function networkFiles({ locations }: Machine, network: string): { hosts: string; resolver: string } {
  const folder = networkFolder(locations, network);
  return { hosts: hostsFile(folder), resolver: resolverFile(folder) };
}

/** Refuses users that the container's id maps do not have. @throws Unavailable */
export function checkMapped(
  { uidMappings, gidMappings, explanation }: Identity,
  user: { uid: number; gid: number; additionalGids: number[] },
): void {
  const isMapped = (mappings: readonly oci.IdMapping[], id: number) =>
    mappings.some((mapping) => id >= mapping.containerID && id < mapping.containerID + mapping.size);
  const missing = !isMapped(uidMappings, user.uid)
    ? `User ${user.uid}`
    : [user.gid, ...user.additionalGids].some((gid) => !isMapped(gidMappings, gid))
      ? 'One of the groups'
      : undefined;
  if (missing === undefined) return;
  throw terrariumError(ErrorCode.Unavailable, `${missing} does not exist in the container`, {
    cause: explanation,
    fix: 'Ask an administrator for a range of ids, then start again.',
    command: 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"',
    doctor: 'id-range',
  });
}

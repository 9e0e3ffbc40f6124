import type { Machine } from '../container/machine.js';
import { MountEvents } from '../container/mountEvents.js';
import { addMount, removeMount } from '../container/mounts.js';
import { announceMounts } from '../container/mountWatch.js';
import { createVolume, listVolumes, measureVolume, pruneVolumes, removeVolume } from '../container/volumes.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/**
 * Requests that mount in containers, and those about volumes. What is mounted is told by `container/mounts`. Answers the
 * watch of what processes inside mount, to be told when containers begin or end, and stopped with the connection.
 * @param tell called with a container in which something else is mounted.
 */
export function routeMounts(router: Router, machine: Machine, tell: (container: string) => void): MountEvents {
  const { store } = machine;
  router.on(protocol.AddMount, async ({ container, ...params }) => {
    const { id } = await store.find(container);
    const made = await store.locked(id, (record) => addMount(machine, record, params));
    announceMounts(machine, id);
    return made;
  });
  router.on(protocol.RemoveMount, async ({ container, ...params }) => {
    const { id } = await store.find(container);
    await store.locked(id, (record) => removeMount(machine, record, params));
    announceMounts(machine, id);
    return null;
  });
  router.on0(protocol.ListVolumes, () => listVolumes(machine));
  router.on(protocol.CreateVolume, ({ name }) => createVolume(machine, name));
  router.on(protocol.RemoveVolume, async ({ name }) => {
    await removeVolume(machine, name);
    return null;
  });
  router.on0(protocol.PruneVolumes, () => pruneVolumes(machine));
  router.on(protocol.MeasureVolume, ({ name }) => measureVolume(machine, name));

  const events = new MountEvents(machine, tell);
  router.on(protocol.WatchMounts, ({ containers }) => {
    events.watch(containers);
    return null;
  });
  return events;
}

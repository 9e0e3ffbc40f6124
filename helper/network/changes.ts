/** Lets all helpers know when named networks are made or removed: by inotify on the folder that has one for each. */
import { type FSWatcher, utimesSync, watch } from 'node:fs';
import type { Locations } from '../container/locations.js';
import { readNetworks } from './store.js';

/** Several events belong to one change. */
const settleMilliseconds = 15;

/** To be called when a network is there, or gone: the events of its making come before it can be read. */
export function announceNetworks({ networks }: Locations): void {
  const now = new Date();
  utimesSync(networks, now, now);
}

/**
 * Calls `onChange` with the names there are when others were before. Where inotify cannot be had, `onError` is told, and
 * lists are as new as the look that made them.
 */
export function watchNetworks(
  locations: Locations,
  onChange: (networks: string[]) => void,
  onError: (error: unknown) => void,
): { dispose(): void } {
  let timer: NodeJS.Timeout | undefined;
  let isWatching = true;
  let known = '';
  const read = async () => {
    // A folder is there before what is in it: only what can be read counts.
    const names = (await readNetworks(locations)).map(({ name }) => name);
    const isOther = names.join('/') !== known;
    known = names.join('/');
    return isOther ? names : undefined;
  };
  const look = () => {
    timer = undefined;
    read().then((names) => {
      if (names !== undefined && isWatching) onChange(names);
    }, onError);
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(locations.networks, () => {
      timer ??= setTimeout(look, settleMilliseconds);
    });
    watcher.on('error', onError);
    read().catch(onError);
  } catch (error) {
    onError(error);
  }
  return {
    dispose: () => {
      isWatching = false;
      clearTimeout(timer);
      watcher?.close();
    },
  };
}

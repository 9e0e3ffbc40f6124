import type { AgentRouter, Handling } from '../agent/router.js';
import { Pace } from '../changes/pace.js';
import { explained } from '../image/failure.js';
import type { ImageProgress } from '../protocol/images.js';
import { writeArchive } from './archive.js';
import { copyTree } from './copyTree.js';
import { packLayer, writeTar } from './pack.js';
import { CopyTree, ExportProgressType, PackLayer, WriteArchive, WriteTar } from './protocol.js';

/** The agent's side of exports: it reads files of all mapped ids, and compresses without holding anybody up. */
export function serveExport(router: AgentRouter): void {
  const packing = ({ signal, report }: Handling<ImageProgress>) => ({
    pace: new Pace(signal),
    onProgress: ({ entries, doneBytes }: { entries: number; doneBytes: number }) =>
      report({ phase: 'pack', doneBytes, totalBytes: 0, entries }),
  });
  const told = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw explained(error, 'write the export', path);
    }
  };

  router.on(
    PackLayer,
    (params, handling: Handling<ImageProgress>) => told(params.file, () => packLayer(params, packing(handling))),
    ExportProgressType,
  );
  router.on(
    WriteTar,
    (params, handling: Handling<ImageProgress>) => told(params.file, () => writeTar(params, packing(handling))),
    ExportProgressType,
  );
  router.on(CopyTree, ({ tree, folder }, { signal }) => told(folder, () => copyTree(tree, folder, new Pace(signal))));
  router.on(
    WriteArchive,
    async (params, { signal, report }: Handling<ImageProgress>) => {
      let doneBytes = 0;
      const onProgress = (bytes: number) => {
        doneBytes += bytes;
        report({ phase: 'copy', doneBytes, totalBytes: 0, entries: 0 });
      };
      await told(params.file, () => writeArchive(params, { pace: new Pace(signal), onProgress }));
      return null;
    },
    ExportProgressType,
  );
}

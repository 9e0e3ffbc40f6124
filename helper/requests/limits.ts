import type { Machine } from '../container/machine.js';
import { keepTrial, listEdits, readTarget, setLimits, undoLimits } from '../limits/edit.js';
import { EditWatch } from '../limits/editWatch.js';
import { previewLimits } from '../limits/preview.js';
import * as protocol from '../protocol/index.js';
import type { Router } from './router.js';

/** Requests about limits. Answers what watches edits and trials, to be started and disposed of with the connection. */
export function routeLimits(
  router: Router,
  machine: Machine,
  onEdited: (target: protocol.LimitTarget, edit: protocol.LimitEdit) => void,
): EditWatch {
  router.on(protocol.ReadLimits, (target) => readTarget(machine, target));
  router.on(protocol.PreviewLimits, ({ target, changes }) => previewLimits(machine, target, changes));
  router.on(protocol.SetLimits, (params) => setLimits(machine, params));
  router.on(protocol.KeepLimits, (params) => keepTrial(machine, params));
  router.on(protocol.UndoLimits, ({ target }) => undoLimits(machine, target));
  router.on(protocol.ListLimitEdits, ({ target }) => listEdits(machine, target));
  return new EditWatch(machine, onEdited);
}

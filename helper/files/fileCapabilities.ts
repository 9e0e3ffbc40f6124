/** Sets and removes capabilities of program files. */

import { fileTypes, statx } from '../../native/bindings/statx.js';
import { removeXattr, setXattr } from '../../native/bindings/xattr.js';
import { failedWith } from '../image/failure.js';
import { ErrorCode, parseFileCapabilities, terrariumError } from '../protocol/index.js';
import { capabilitiesValue, capabilityAttribute } from './capabilities.js';
import { at, type OpenRoot } from './openRoot.js';

/** Of the user namespace that the agent is in: that is root of all containers of this user. */
const rootId = 0;

/**
 * @param text as setcap(8) takes it; without any capability the attribute is removed.
 * @throws Invalid for a text that is none, and for what is no file; SystemError
 */
export function setCapabilities(root: OpenRoot, path: string, text: string): void {
  const parsed = text.trim() === '' ? undefined : parseFileCapabilities(text);
  if (parsed !== undefined && 'problem' in parsed) {
    throw terrariumError(ErrorCode.Invalid, `Not file capabilities: ${JSON.stringify(text)}`, {
      path,
      cause: parsed.problem,
      fix: 'Write them as setcap(8) takes them, for instance cap_net_bind_service=ep.',
    });
  }
  at(root, path, true, (file) => {
    if (statx(file, '').type !== fileTypes.file) {
      throw terrariumError(ErrorCode.Invalid, `Cannot set the capabilities of ${path}: it is no file`, {
        path,
        fix: 'Only programs have capabilities.',
      });
    }
    if (parsed !== undefined && (parsed.permitted | parsed.inheritable) !== 0n) {
      setXattr(file, capabilityAttribute, capabilitiesValue(parsed, rootId));
    } else {
      remove(file);
    }
  });
}

function remove(file: number): void {
  try {
    removeXattr(file, capabilityAttribute);
  } catch (error) {
    // It has none: that is what was asked for.
    if (!failedWith(error, 'ENODATA')) throw error;
  }
}

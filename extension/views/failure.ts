import { plainText, tooltipText } from '../text/untrusted.js';
import type { Presentation } from './presentation.js';

/** The line that stands where something could not be read, saying why. */
export function presentFailure(message: string): Presentation {
  const label = plainText(message);
  return {
    label,
    tooltip: tooltipText([message]),
    icon: { id: 'error', color: 'list.errorForeground' },
    contextValue: 'failure',
    accessibleLabel: `Could not be read: ${label}`,
  };
}

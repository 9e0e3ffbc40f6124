import type { Step } from './step.js';

/** The path a step is about, empty for none: what a message about its failure has to name. */
export function pathOf(step: Step): string {
  switch (step.kind) {
    case 'bind':
    case 'cloneMount':
      return step.source;
    case 'attachMount':
    case 'attachPrepared':
    case 'mount':
      return step.destination;
    case 'execute':
      return step.args[0] ?? '';
    default:
      return 'path' in step ? step.path : '';
  }
}

/** What a step is about in a list of steps: most often its path, a bind's destination, a name. */
export function subjectOf(step: Step): string {
  switch (step.kind) {
    case 'bind':
      return step.destination;
    case 'setHostname':
    case 'setDomainname':
      return step.name;
    case 'bringUp':
      return step.interface;
    case 'monitor':
      return step.directory;
    default:
      return pathOf(step);
  }
}

import type { Plan, Step, StepOf } from '../plan/step.js';
import { attributeOptions } from './scriptSteps.js';
import { quote } from './scriptWords.js';

/** What was mounted or unmounted in a running container, by hand; undefined for a plan that did neither. Pure. */
export function mountLines(plan: Plan): string[] | undefined {
  const pid = plan.find((step): step is StepOf<'setNamespaces'> => step.kind === 'setNamespaces')?.pid;
  const destination = plan.find((step): step is StepOf<'attachMount'> => step.kind === 'attachMount')?.destination;
  for (const step of plan) {
    const lines = pid === undefined ? undefined : linesOf(step, pid, destination ?? '');
    if (lines !== undefined) return [...lines, ''];
  }
  return undefined;
}

/**
 * nsenter(1) finds programs in the container's root. Those of this machine, told of a mount namespace by --namespace, would
 * have to come back from there, which the kernel allows to root of the machine only.
 */
function linesOf(step: Step, pid: number, destination: string): string[] | undefined {
  const inside = `nsenter --target ${pid} --user --mount --preserve-credentials --`;
  switch (step.kind) {
    case 'unmount':
      return [
        '# Unmount it in the mount namespace of the container, with the umount that it has.',
        `${inside} umount -l ${quote(step.path)}`,
      ];
    case 'createMount': {
      const options = [...attributeOptions(step.attributes), ...(step.data === '' ? [] : [step.data])].join(',');
      const flag = options === '' ? '' : ` -o ${quote(options)}`;
      return [
        '# Mount it in the mount namespace of the container, with the mount that it has. The destination must be there.',
        `${inside} mount -t ${quote(step.type)}${flag} ${quote(step.source)} ${quote(destination)}`,
      ];
    }
    case 'cloneMount':
      return [
        '# util-linux has no command that carries a mount from one mount namespace to another. The calls that do, in one',
        `# process without threads, with ${comment(step.source)} for ${comment(destination)} in process ${pid}:`,
        '#   setns(user of the process); unshare(CLONE_NEWNS);',
        `#   fd = open_tree(source, OPEN_TREE_CLONE${step.recursive === 1 ? ' | AT_RECURSIVE' : ''});`,
        `#   mount_setattr(fd, ${attributeOptions(step.attributes).join(' ')});`,
        '#   setns(mnt of the process); move_mount(fd, destination);',
        "echo 'See the comments: there is no command for this.' >&2; exit 1",
      ];
    default:
      return undefined;
  }
}

/** In one line, whatever is in it. */
function comment(text: string): string {
  return JSON.stringify(text);
}

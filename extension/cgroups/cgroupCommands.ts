import { env, l10n, window } from 'vscode';
import { InspectContainer } from '../../helper/protocol/index.js';
import type { Handler } from '../commands/register.js';
import { isLive, target } from '../commands/targets.js';
import type { ContainerStore } from '../containers/containerStore.js';
import type { HelperClient } from '../helperClient.js';
import { plainText, terminalText } from '../text/untrusted.js';
import type { CgroupsView } from './cgroupsView.js';
import type { GroupNode } from './nodes.js';

/** Commands on the view of control groups. */
export function cgroupCommands(
  view: CgroupsView,
  { helper, store }: { helper: HelperClient; store: ContainerStore },
): Record<string, { doing: string; run: Handler }> {
  return {
    'terrarium.showControlGroup': {
      doing: l10n.t('Show the control group'),
      run: async (first) => {
        const summary = await target(
          store,
          { first, selection: undefined },
          l10n.t('Show the control group of'),
          isLive,
        );
        if (summary === undefined) return;
        const { cgroup } = await helper.request(InspectContainer, { container: summary.id });
        // Of v1, where it has one in each hierarchy, the one that most people ask for.
        const path = cgroup?.paths.unified ?? cgroup?.paths.memory ?? Object.values(cgroup?.paths ?? {})[0];
        if (path === undefined) throw new Error(l10n.t('{0} runs without a control group.', summary.name));
        if (!(await view.show(path)))
          throw new Error(l10n.t('Its control group is not to be seen from here: {0}', path));
      },
    },
    'terrarium.refreshCgroups': { doing: l10n.t('Refresh'), run: () => view.tree.refresh() },
    'terrarium.copyCgroupPath': {
      doing: l10n.t('Copy the path'),
      run: async (first) => {
        const group = groupOf(first);
        if (group === undefined) return;
        await env.clipboard.writeText(group.cgroup);
        window.setStatusBarMessage(l10n.t('Copied {0}', plainText(group.cgroup)), 3000);
      },
    },
    'terrarium.showCgroupProcesses': {
      doing: l10n.t('Show the processes'),
      run: async (first) => {
        const group = groupOf(first);
        if (group !== undefined) await view.showProcesses(group);
      },
    },
    'terrarium.openCgroupTerminal': {
      doing: l10n.t('Open a terminal'),
      run: (first) => {
        const group = groupOf(first);
        if (group === undefined) return;
        window.createTerminal({ name: terminalText(group.node.name), cwd: group.cgroup }).show();
      },
    },
  };
}

/** Anybody can call a command with anything: what is no group of the tree counts as nothing. */
function groupOf(value: unknown): GroupNode | undefined {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'cgroup'
    ? (value as GroupNode)
    : undefined;
}

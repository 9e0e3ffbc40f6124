import { commands, env, type LogOutputChannel, l10n, window } from 'vscode';
import { combinedReport, type ErrorAction, type ErrorReport, isCancelled, reportOf } from './errorReport.js';

/** Something that was attempted and failed. `doing` names it for the person, as in "Start web". */
export interface Failure {
  doing: string;
  error: unknown;
}

/** The one place where errors become notifications. */
export class Notifier {
  constructor(private readonly log: LogOutputChannel) {}

  /** Shows one error, with its remedy as buttons. A cancelled request is not an error. Returns at once. */
  show(error: unknown, doing: string): void {
    if (!isCancelled(error)) {
      this.present(reportOf(error, doing), error);
    }
  }

  /** Shows several failures of one command as one notification. */
  showAll(failures: readonly Failure[]): void {
    const report = combinedReport(failures);
    if (report) {
      this.present(
        report,
        failures.map(({ error }) => error).find((error) => !isCancelled(error)),
      );
    }
  }

  private present(report: ErrorReport, error: unknown): void {
    this.log.error(report.message, error instanceof Error ? (error.stack ?? '') : '');
    const buttons = report.actions.map((action) => ({ title: titleOf(action), action }));
    // Whoever waits for the command must not wait for a notification to be closed.
    window.showErrorMessage(report.message, ...buttons).then(
      (chosen) => (chosen ? this.perform(chosen.action) : undefined),
      (reason: unknown) => this.log.error(`Notification: ${String(reason)}`),
    );
  }

  private async perform(action: ErrorAction): Promise<void> {
    switch (action.kind) {
      case 'copyCommand':
        await env.clipboard.writeText(action.command);
        window.setStatusBarMessage(l10n.t('Copied: paste it into a terminal'), 4000);
        return;
      case 'showLedger':
        await commands.executeCommand('terrarium.showLedger', {
          container: action.container,
          operation: action.operation,
        });
        return;
      case 'showDoctorLine':
        await commands.executeCommand('terrarium.runDoctor', action.line);
        return;
      case 'openDoctor':
        await commands.executeCommand('terrarium.runDoctor');
        return;
      case 'showLog':
        this.log.show();
    }
  }
}

function titleOf(action: ErrorAction): string {
  switch (action.kind) {
    case 'copyCommand':
      return l10n.t('Copy Fix Command');
    case 'showLedger':
      return l10n.t('Show How Far It Got');
    case 'showDoctorLine':
      return l10n.t('Show in Doctor');
    case 'openDoctor':
      return l10n.t('Open Doctor');
    case 'showLog':
      return l10n.t('Show Log');
  }
}

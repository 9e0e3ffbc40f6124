import { parseTree } from 'jsonc-parser';
import { CodeLens, type CodeLensProvider, l10n, Position, Range, type TextDocument } from 'vscode';

/** “Launch” above the specification itself, below the comments that may precede it. */
export class LaunchLens implements CodeLensProvider {
  provideCodeLenses(document: TextDocument): CodeLens[] {
    const root = parseTree(document.getText(), [], { allowTrailingComma: true });
    const start = root?.type === 'object' ? document.positionAt(root.offset) : new Position(0, 0);
    return [
      new CodeLens(new Range(start, start), {
        title: `$(play) ${l10n.t('Launch')}`,
        tooltip: l10n.t('Make this container, start it and attach a terminal'),
        command: 'terrarium.launchSpecification',
        arguments: [document.uri],
      }),
    ];
  }
}

import { commands, extensions, type Uri, window, workspace } from 'vscode';

/** The preview reads best; where the editor's own Markdown extension is switched off, the text does. */
export async function showMarkdown(uri: Uri): Promise<void> {
  // Opened first: a request that fails is then reported, where the preview would stay empty.
  const document = await workspace.openTextDocument(uri);
  if (extensions.getExtension('vscode.markdown-language-features') === undefined) {
    await window.showTextDocument(document, { preview: true });
  } else {
    await commands.executeCommand('markdown.showPreview', uri);
  }
}

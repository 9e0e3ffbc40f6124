/** Variables that belong to the editor's own processes and must not reach the helper, and through it a container. */
const editorOnly =
  /^(VSCODE_|ELECTRON_|CODE_SERVER)|^(NODE_OPTIONS|NODE_V8_COVERAGE|NODE_PATH|NODE_REPL_EXTERNAL_MODULE|CHROME_DESKTOP)$/;

/**
 * What the language client is to lay over the editor's environment to make the helper's: a name with `undefined` is
 * left out by `child_process.spawn`, and `ELECTRON_RUN_AS_NODE` makes the editor's executable behave as Node.
 */
export function helperEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const overlay: Record<string, string | undefined> = {};
  for (const name of Object.keys(inherited)) {
    if (editorOnly.test(name)) {
      overlay[name] = undefined;
    }
  }
  overlay.ELECTRON_RUN_AS_NODE = '1';
  return overlay;
}

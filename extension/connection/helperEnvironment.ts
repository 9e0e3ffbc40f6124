/** Variables that belong to the editor's own processes and must not reach the helper, and through it a container. */
const editorOnly =
  /^(VSCODE_|ELECTRON_|CODE_SERVER)|^(NODE_OPTIONS|NODE_V8_COVERAGE|NODE_PATH|NODE_REPL_EXTERNAL_MODULE|CHROME_DESKTOP)$/;

/**
 * The helper's environment, whole: the language client passes an executable's on as it is. `ELECTRON_RUN_AS_NODE`
 * makes the editor's executable behave as Node.
 */
export function helperEnvironment(inherited: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(inherited)) {
    if (value !== undefined && !editorOnly.test(name)) {
      environment[name] = value;
    }
  }
  environment.ELECTRON_RUN_AS_NODE = '1';
  return environment;
}

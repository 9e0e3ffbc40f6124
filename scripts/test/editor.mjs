export async function runEditorSuite() {}
export async function runExtensionHostSuite() {}

export async function runElectronSuite() {}

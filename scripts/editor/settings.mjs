// @ts-check
/** Settings of an editor that asks nothing of the network and puts nothing of its own in front of what is tested. */
export const quietSettings = {
  'telemetry.telemetryLevel': 'off',
  'workbench.enableExperiments': false,
  'workbench.settings.enableNaturalLanguageSearch': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.welcomePage.walkthroughs.openOnInstall': false,
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'chat.disableAIFeatures': true,
  'chat.commandCenter.enabled': false,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'git.enabled': false,
  'npm.autoDetect': 'off',
  'typescript.disableAutomaticTypeAcquisition': true,
};

/** Beyond that, what a browser that is driven needs to find text and not to be overlaid. */
export const testSettings = {
  ...quietSettings,
  'security.workspace.trust.startupPrompt': 'never',
  // The terminal draws to a canvas otherwise, and persistent sessions delay its start.
  'terminal.integrated.gpuAcceleration': 'off',
  'terminal.integrated.shellIntegration.enabled': false,
  'window.confirmBeforeClose': 'never',
  'workbench.editor.enablePreview': false,
  'editor.minimap.enabled': false,
  'workbench.reduceMotion': 'on',
  // Tooltips take clicks that are meant for what is below them.
  'workbench.hover.delay': 600_000,
  'editor.hover.enabled': 'off',
};

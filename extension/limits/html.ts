import { type PageResources, webviewPage } from '../webviews/page.js';

/**
 * The page of the form. It holds nothing that a container or an image said: such text only ever arrives in messages
 * and is set as text. Scripts run by nonce alone, and nothing is loaded from elsewhere.
 */
export function limitsPage(resources: PageResources): string {
  return webviewPage(
    'Limits',
    `<header>
<h1>Limits of <span id="name"></span></h1>
<p id="state"></p>
<div id="gone" role="alert" class="remedy" hidden>
<p id="gone-text"></p>
<vscode-button id="close" secondary>Close</vscode-button>
</div>
${remedyBlock('notice')}
</header>
<form id="form" novalidate aria-label="Limits">
<div id="presets" class="presets" role="group" aria-label="Presets"></div>
<div id="sections"></div>
<footer aria-label="Changes" role="group">
<div id="preview" class="preview" role="region" aria-label="What Apply will do" tabindex="0" hidden></div>
<div id="trial" class="trial" hidden>
<span id="trial-text" role="timer"></span>
<vscode-button id="keep">Keep</vscode-button>
<vscode-button id="rollBack" secondary>Roll Back</vscode-button>
</div>
<div class="buttons">
<vscode-button id="apply" type="submit" disabled>Apply</vscode-button>
<vscode-button id="restart" secondary hidden>Until Restart</vscode-button>
<vscode-button id="try" secondary hidden>Try for 30 s</vscode-button>
<vscode-button id="revert" secondary disabled>Revert</vscode-button>
<vscode-button id="undo" secondary hidden>Undo</vscode-button>
</div>
<p id="status" role="status" tabindex="-1"></p>
${remedyBlock('failure')}
</footer>
</form>
<aside id="live" aria-label="Use over the last minutes" hidden></aside>`,
    resources,
  );
}

/** A reason with its remedy, both filled in later, and a button that copies the remedy. */
function remedyBlock(id: string): string {
  return `<div id="${id}-remedy" class="remedy" hidden>
<p id="${id}-reason"></p>
<pre id="${id}-text" tabindex="0" role="region" aria-label="What to do"></pre>
<vscode-button id="${id}-copy" secondary>Copy</vscode-button>
</div>`;
}

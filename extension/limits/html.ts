import { examplesOf } from '../../helper/protocol/notation.js';
import { fields } from './fields.js';

/** What the page loads, as the webview addresses it. */
export interface PageResources {
  script: string;
  style: string;
  /** `webview.cspSource` */
  source: string;
  nonce: string;
}

/**
 * The page of the form. It holds nothing that a container or an image said: such text only ever arrives in messages
 * and is set as text. Scripts run by nonce alone, and nothing is loaded from elsewhere.
 */
export function limitsPage({ script, style, source, nonce }: PageResources): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source}`,
    `font-src ${source}`,
    "form-action 'none'",
    "base-uri 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Limits</title>
</head>
<body>
<main>
<h1>Limits of <span id="name"></span></h1>
<p id="state"></p>
${remedyBlock('notice')}
<form id="form" novalidate>
${fields.map(fieldBlock).join('\n')}
<p id="events"></p>
<footer>
<div class="buttons">
<vscode-button id="apply" type="submit" disabled>Apply</vscode-button>
<vscode-button id="revert" secondary disabled>Revert</vscode-button>
</div>
<p id="status" role="status"></p>
${remedyBlock('failure')}
</footer>
</form>
</main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}

/** The id of a limit's elements: a dot would not do in a selector. */
export const elementId = (name: string): string => name.replaceAll('.', '-');

function fieldBlock(knob: (typeof fields)[number]): string {
  const { name, title, help } = knob;
  const id = elementId(name);
  const clear = name === 'cpu.weight' ? 'Default' : 'No limit';
  return `<section id="${id}-section" role="group" aria-labelledby="${id}-label">
<vscode-label id="${id}-label" for="${id}">${title} <code>${name}</code></vscode-label>
<p class="help">${help}</p>
<div class="row">
<vscode-textfield id="${id}" placeholder="${examplesOf(knob)}" disabled></vscode-textfield>
<vscode-button id="${id}-clear" secondary disabled aria-label="${clear} for ${title}">${clear}</vscode-button>
</div>
<div aria-live="polite">
<p id="${id}-verdict" class="verdict"></p>
<p id="${id}-writes" class="force"></p>
</div>
<div class="usage"><vscode-progress-bar id="${id}-bar" value="0" aria-label="${title} in use" hidden></vscode-progress-bar><span id="${id}-usage"></span></div>
<p id="${id}-force" class="force"></p>
<p id="${id}-enclosing" class="force"></p>
${remedyBlock(id)}
</section>`;
}

/** A reason with its remedy, both filled in later, and a button that copies the remedy. */
function remedyBlock(id: string): string {
  return `<div id="${id}-remedy" class="remedy" hidden>
<p id="${id}-reason"></p>
<pre id="${id}-text" tabindex="0"></pre>
<vscode-button id="${id}-copy" secondary>Copy remedy</vscode-button>
</div>`;
}

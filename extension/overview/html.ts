/** What the page loads, as the webview addresses it. */
export interface PageResources {
  script: string;
  style: string;
  /** `webview.cspSource` */
  source: string;
  nonce: string;
}

/**
 * The page of the overview. It holds nothing that a container said: such text only ever arrives in messages and is set as
 * text. Scripts run by nonce alone, and nothing is loaded from elsewhere.
 */
export function overviewPage({ script, style, source, nonce }: PageResources): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${source}`,
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
<title>Overview</title>
</head>
<body>
<main>
<p id="failure" role="alert" hidden></p>
<div id="empty" hidden>
<p>No container is running.</p>
<button id="launch" type="button" class="main">Launch Container</button>
</div>
<table id="table" role="grid" aria-labelledby="caption" hidden>
<caption id="caption">Containers that run, and groups of them</caption>
<thead><tr id="header"></tr></thead>
<tbody id="rows"></tbody>
<tfoot id="totals"></tfoot>
</table>
</main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}

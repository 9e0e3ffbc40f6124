/** What a page loads, as the webview addresses it. */
export interface PageResources {
  script: string;
  style: string;
  /** `webview.cspSource` */
  source: string;
  nonce: string;
}

/**
 * A page around a body of ours. Scripts run by nonce alone, styles and fonts come from the extension, and nothing is loaded
 * from elsewhere. What a container or an image says never stands in a page: it arrives in messages and is set as text.
 */
export function webviewPage(title: string, body: string, { script, style, source, nonce }: PageResources): string {
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
<title>${title}</title>
</head>
<body>
<main>
${body}
</main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}

import { randomBytes } from 'node:crypto';
import { Uri, type Webview, type WebviewOptions } from 'vscode';
import type { PageResources } from './page.js';

const mediaFolder = (extensionUri: Uri): Uri => Uri.joinPath(extensionUri, 'dist', 'media');

/** A page may run its script, and load nothing but what lies in the extension's media folder. */
export function webviewOptions(extensionUri: Uri): WebviewOptions {
  return { enableScripts: true, localResourceRoots: [mediaFolder(extensionUri)] };
}

/** The script and the style of a page, `NAME.js` and `NAME.css`, with a nonce for this one load. */
export function pageResources(webview: Webview, extensionUri: Uri, name: string): PageResources {
  const address = (file: string) => webview.asWebviewUri(Uri.joinPath(mediaFolder(extensionUri), file)).toString();
  return {
    script: address(`${name}.js`),
    style: address(`${name}.css`),
    source: webview.cspSource,
    nonce: randomBytes(16).toString('base64'),
  };
}

import { type PageResources, webviewPage } from '../webviews/page.js';

/**
 * The page of the overview. It holds nothing that a container said: such text only ever arrives in messages and is set as
 * text. Scripts run by nonce alone, and nothing is loaded from elsewhere.
 */
export function overviewPage(resources: PageResources): string {
  return webviewPage(
    'Overview',
    `<p id="failure" role="alert" hidden></p>
<div id="empty" hidden>
<p>No container is running.</p>
<button id="launch" type="button" class="main">Launch Container</button>
</div>
<table id="table" role="grid" aria-labelledby="caption" hidden>
<caption id="caption">Containers that run, and groups of them</caption>
<thead><tr id="header"></tr></thead>
<tbody id="rows"></tbody>
<tfoot id="totals"></tfoot>
</table>`,
    resources,
  );
}

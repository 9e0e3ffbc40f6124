import { randomUUID } from 'node:crypto';
import { type CancellationToken, ProgressLocation, window } from 'vscode';
import { type ImageProgress, ImageProgressType } from '../../helper/protocol/index.js';
import type { HelperClient } from '../helperClient.js';
import { messageText } from '../text/untrusted.js';
import { progressIncrement, progressText } from './progressText.js';

/**
 * Runs a long request on images with a notification that shows how far it is and can cancel it.
 * @param work sends the request, with `progress` and the token that cancels it.
 */
export async function withImageProgress<T>(
  helper: HelperClient,
  title: string,
  work: (progress: string, cancellation: CancellationToken) => Promise<T>,
): Promise<T> {
  await helper.start();
  const token = randomUUID();
  return window.withProgress(
    { location: ProgressLocation.Notification, title: messageText(title), cancellable: true },
    async (progress, cancellation) => {
      let last: ImageProgress | undefined;
      const subscription = helper.onProgress(ImageProgressType, token, (now) => {
        progress.report({ message: progressText(now), increment: progressIncrement(last, now) });
        last = now;
      });
      try {
        return await work(token, cancellation);
      } finally {
        subscription.dispose();
      }
    },
  );
}

import { Transform } from 'node:stream';
import { printable } from './failure.js';

/**
 * What a container has printed, for a terminal of ours: line ends and tabs stay, every other character that a terminal
 * would obey is shown as an escape. Bytes come in pieces cut anywhere; what is no UTF-8 becomes U+FFFD.
 */
export class LogEscaper {
  private readonly decoder = new TextDecoder('utf-8');
  /** A carriage return at the end of a piece: the next begins with a line feed, or it is one that goes back. */
  private held = '';

  /** The part of it that can be shown by now. */
  write(bytes: Uint8Array): string {
    const text = this.held + this.decoder.decode(bytes, { stream: true });
    this.held = text.endsWith('\r') ? '\r' : '';
    return escaped(this.held === '' ? text : text.slice(0, -1));
  }

  /** What was held back. */
  end(): string {
    return escaped(this.held + this.decoder.decode());
  }
}

function escaped(text: string): string {
  // A pty ends lines with both.
  return text.replaceAll('\r\n', '\n').split('\t').map(printable).join('\t');
}

/** The same for a stream. */
export function escapingStream(): Transform {
  const escaper = new LogEscaper();
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, escaper.write(chunk)),
    flush: (done) => done(null, escaper.end()),
  });
}

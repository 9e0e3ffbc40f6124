import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { ErrorCode, terrariumError } from '../protocol/errors.js';

/** Where distributions keep the certificates of the authorities they and their administrators trust. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The authorities that may vouch for a registry, as PEM: Node's, the system's (SSL_CERT_FILE instead where it is set,
 * as for curl and Go), and NODE_EXTRA_CA_CERTS. The latter counts here too, since Node reads it only at its own start.
 * @throws TerrariumError Invalid when a file that the environment names cannot be read.
 */
export async function trustedAuthorities(environment: NodeJS.ProcessEnv): Promise<string[]> {
  const { SSL_CERT_FILE: own, NODE_EXTRA_CA_CERTS: extra } = environment;
  const system = own ? [await readNamed('SSL_CERT_FILE', own)] : await readSystem();
  return [...rootCertificates, ...system, ...(extra ? [await readNamed('NODE_EXTRA_CA_CERTS', extra)] : [])];
}

async function readNamed(variable: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw terrariumError(ErrorCode.Invalid, `The file that ${variable} names cannot be read: ${path}`, {
      path,
      cause: error instanceof Error ? error.message : String(error),
      fix: `Correct ${variable}, or unset it.`,
    });
  }
}

async function readSystem(): Promise<string[]> {
  for (const path of systemBundles) {
    try {
      return [await readFile(path, 'utf8')];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return [];
}

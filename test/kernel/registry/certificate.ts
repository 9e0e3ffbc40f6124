import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';

/** Which of some programs are not installed, as a reason to skip; undefined when all are. */
export function missing(...programs: string[]): string | undefined {
  const lacking = programs.filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
  return lacking.length === 0 ? undefined : `not installed: ${lacking.join(', ')}`;
}

/** A certificate that vouches for itself, made by openssl(1) in a folder. */
export function makeCertificate(folder: string, names: readonly string[]): { file: string; cert: string; key: string } {
  const [file, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  const subject = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=test', '-keyout', key];
  execFileSync('openssl', [...made, '-out', file, '-addext', `subjectAltName=${subject}`], { stdio: 'ignore' });
  return { file, cert: readFileSync(file, 'utf8'), key: readFileSync(key, 'utf8') };
}

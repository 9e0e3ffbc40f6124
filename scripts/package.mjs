// Makes the extension's package for each platform: `node scripts/package.mjs [--out=FOLDER] [linux-x64|linux-arm64…]`.
// A folder is assembled from a list of what ships, rather than the checkout filtered by what does not.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { createVSIX } from '@vscode/vsce';
import { extract } from 'tar';

const root = path.resolve(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const args = process.argv.slice(2);
const out = path.resolve(args.find((arg) => arg.startsWith('--out='))?.slice('--out='.length) ?? root);
const named = args.filter((arg) => !arg.startsWith('--'));
const targets = named.length > 0 ? named : ['linux-x64', 'linux-arm64'];

/** What the editor reads of package.json; the rest is about development. */
const manifestKeys = [
  ...['name', 'displayName', 'description', 'version', 'publisher', 'license', 'repository', 'homepage', 'bugs'],
  ...['icon', 'galleryBanner', 'categories', 'keywords', 'engines', 'type', 'main', 'bin', 'l10n'],
  ...['activationEvents', 'contributes', 'capabilities', 'extensionKind', 'extensionDependencies'],
];

/** koffi is C++ sources, documentation and a loader for twenty platforms: this is what loads it on one. */
const koffiFiles = ['package.json', 'LICENSE.txt', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'];

function copy(from, to) {
  if (!existsSync(from)) throw new Error(`${path.relative(root, from)} is missing: run npm run build`);
  cpSync(from, to, { recursive: true });
}

/** The package with koffi's native file for a platform: installed for this one, fetched and checked for another. */
async function nativePackage(target, folder) {
  const name = `@koromix/koffi-${target}`;
  const installed = path.join(root, 'node_modules', name);
  if (existsSync(installed)) return installed;
  const locked = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages[
    `node_modules/${name}`
  ];
  if (!locked) throw new Error(`${name} is not in package-lock.json`);
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, `${name}@${locked.version}`], {
    cwd: folder,
    encoding: 'utf8',
  });
  const archive = path.join(folder, packed.trim());
  const [algorithm, digest] = locked.integrity.split('-', 2);
  if (createHash(algorithm).update(readFileSync(archive)).digest('base64') !== digest)
    throw new Error(`${name}@${locked.version} is not what package-lock.json says`);
  await extract({ file: archive, cwd: folder });
  return path.join(folder, 'package');
}

/** Everything that ships for a platform, below `folder`. */
async function assemble(folder, target, scratch) {
  execFileSync(process.execPath, ['scripts/build.mjs', '--production', `--outdir=${path.join(folder, 'dist')}`], {
    cwd: root,
    stdio: 'inherit',
  });
  const program = path.join('dist/stage', target, 'terrarium-stage');
  copy(path.join(root, program), path.join(folder, program));
  await chmod(path.join(folder, program), 0o755);

  const modules = path.join(folder, 'dist/node_modules');
  for (const file of koffiFiles) copy(path.join(root, 'node_modules/koffi', file), path.join(modules, 'koffi', file));
  const native = await nativePackage(target, scratch);
  for (const file of ['package.json', 'index.js', `${target.replace('-', '_')}/koffi.node`])
    copy(path.join(native, file), path.join(modules, '@koromix', `koffi-${target}`, file));

  await mkdir(path.join(folder, 'docs'));
  for (const file of ['README.md', 'CHANGELOG.md', 'LICENSE', 'docs/doctor.md'])
    copy(path.join(root, file), path.join(folder, file));
  for (const file of readdirSync(root).filter((name) => /^package\.nls(\..+)?\.json$/.test(name)))
    copy(path.join(root, file), path.join(folder, file));
  cpSync(path.join(root, 'media'), path.join(folder, 'media'), {
    recursive: true,
    // A folder with a main.ts is a webview's source: its bundle is in dist/media.
    filter: (file) => !existsSync(path.join(file, 'main.ts')) && path.basename(file) !== 'tsconfig.json',
  });
  const shipped = Object.fromEntries(manifestKeys.filter((key) => key in manifest).map((key) => [key, manifest[key]]));
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(shipped, undefined, 2)}\n`);
}

for (const target of targets) {
  const scratch = await mkdtemp(path.join(tmpdir(), 'terrarium-package-'));
  try {
    const folder = path.join(scratch, 'extension');
    await mkdir(folder);
    await mkdir(out, { recursive: true });
    await assemble(folder, target, scratch);
    // The folder holds nothing else: this tells vsce so.
    writeFileSync(path.join(folder, '.vscodeignore'), '');
    const packagePath = path.join(out, `${manifest.name}-${target}-${manifest.version}.vsix`);
    await createVSIX({
      cwd: folder,
      target,
      dependencies: false,
      packagePath,
      allowMissingRepository: true,
      rewriteRelativeLinks: false,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { importRoot } from './trees.js';

const bed = new Bed();
const out = mkdtempSync(path.join(tmpdir(), 'p-'));
// podman's storage belongs to subordinate ids.
after(() => {
  spawnSync('unshare', ['--user', '--map-root-user', '--map-auto', 'rm', '-rf', out]);
  rmSync(out, { recursive: true, force: true });
});

const exportTo = (name: string, format: protocol.ExportFormat, source: protocol.ExportSource) =>
  bed.helper.request(protocol.ExportImage, { source, format, destination: path.join(out, name) });

/** podman with all that it keeps in our folder, and without what it needs a daemon or a cgroup for. */
function podman(...args: string[]) {
  const configuration = path.join(out, 'containers.conf');
  const engine =
    'cgroup_manager="cgroupfs"\nevents_logger="none"\nruntime="crun"\ninfra_image="localhost/pause:latest"';
  writeFileSync(configuration, `[containers]\ncgroups="disabled"\n[engine]\n${engine}\n`);
  const folders = ['--root', `${out}/storage`, '--runroot', `${out}/run`, '--storage-driver', 'vfs'];
  return spawnSync('podman', [...folders, ...args], {
    cwd: out,
    encoding: 'utf8',
    env: { ...bed.home.environment, HOME: out, TMPDIR: out, CONTAINERS_CONF: configuration },
  });
}

test('podman plays what was exported: the same command, variables, mounts and host name', async (t) => {
  if (spawnSync('sh', ['-c', 'command -v podman crun']).status !== 0) return t.skip('podman or crun is not installed');
  if (process.getuid?.() === 0)
    return t.skip('root may not play a Pod without a cgroup of its own, which no test makes');
  const root = { kind: 'image', name: await importRoot(bed, 'played') } as const;
  const shared = path.join(out, 'shared');
  mkdirSync(shared);
  const args = ['/bin/sh', '-c', 'echo "$A" $(date); sleep 1000', 'two\nlines "quoted" # no: comment'];
  const container = await bed.up({
    root,
    args,
    name: 'Web_1',
    hostname: 'glass',
    env: ['A=true', 'B=a: b'],
    mounts: [{ destination: '/shared', source: shared, options: ['ro'] }],
  });
  await exportTo('pod.yaml', 'kube', { kind: 'container', container: container.id });
  await exportTo('played.tar', 'docker-archive', { kind: 'image', name: 'played' });
  await bed.helper.request(protocol.CommitContainer, {
    container: container.id,
    name: 'pause',
    config: { args: ['/bin/sleep', '1000'] },
  });
  await exportTo('pause.tar', 'docker-archive', { kind: 'image', name: 'pause' });
  for (const archive of ['played.tar', 'pause.tar']) {
    const loaded = podman('load', '--quiet', '--input', archive);
    assert.equal(loaded.status, 0, loaded.stderr);
  }
  const played = podman('kube', 'play', '--network', 'none', '--start=false', 'pod.yaml');
  assert.equal(played.status, 0, `${played.stderr}\n${readFileSync(path.join(out, 'pod.yaml'), 'utf8')}`);
  const [inspected] = JSON.parse(podman('inspect', 'web-1-pod-web-1').stdout) as {
    Config: { Cmd: string[]; Entrypoint: string | string[]; Env: string[]; Hostname: string };
    ImageName: string;
    Mounts: { Source: string; Destination: string; RW: boolean }[];
    HostConfig: { SecurityOpt: string[] };
  }[];
  assert.ok(inspected !== undefined);
  assert.equal(inspected.ImageName, 'localhost/played:latest');
  assert.deepEqual([inspected.Config.Entrypoint, ...inspected.Config.Cmd].flat(), args);
  for (const variable of ['A=true', 'B=a: b']) assert.ok(inspected.Config.Env.includes(variable), variable);
  assert.equal(inspected.Config.Hostname, 'glass');
  assert.deepEqual(
    inspected.Mounts.map(({ Source, Destination, RW }) => [Source, Destination, RW]),
    [[shared, '/shared', false]],
  );
  assert.ok(inspected.HostConfig.SecurityOpt.includes('no-new-privileges'));
  podman('pod', 'rm', '--force', 'web-1-pod');
});

test('a Pod of what is no image is refused, and says what to do', async () => {
  const { id } = await bed.up();
  await fails(exportTo('refused.yaml', 'kube', { kind: 'container', container: id }), {
    code: protocol.ErrorCode.Unavailable,
    message: /no image that a Pod/,
    fix: /Make an image/,
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';
import * as protocol from '../../../helper/protocol/index.js';
import { Bed } from '../support/bed.js';
import { fails } from '../support/failure.js';
import { eventually } from '../support/wait.js';
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
const podman = (...args: string[]) => run('podman', ...folders, ...args);
const folders = ['--root', `${out}/storage`, '--runroot', `${out}/run`, '--storage-driver', 'vfs'];

function run(program: string, ...args: string[]) {
  const configuration = path.join(out, 'containers.conf');
  const engine =
    'cgroup_manager="cgroupfs"\nevents_logger="none"\nruntime="crun"\ninfra_image="localhost/pause:latest"';
  writeFileSync(configuration, `[containers]\ncgroups="disabled"\n[engine]\n${engine}\n`);
  return spawnSync(program, args, {
    cwd: out,
    encoding: 'utf8',
    env: { ...bed.home.environment, HOME: out, TMPDIR: out, CONTAINERS_CONF: configuration },
  });
}

/** Why podman cannot be asked. */
function missing(): string | undefined {
  if (spawnSync('sh', ['-c', 'command -v podman crun']).status !== 0) return 'podman or crun is not installed';
  if (process.getuid?.() === 0) return 'root may not play a Pod without a cgroup of its own, which no test makes';
  return undefined;
}

let given: Promise<protocol.RootSource> | undefined;
/** An image that podman has, too, beside the one that it makes the first container of every Pod from. */
function played(): Promise<protocol.RootSource> {
  given ??= give();
  return given;
}

async function give(): Promise<protocol.RootSource> {
  const root = { kind: 'image', name: await importRoot(bed, 'played') } as const;
  const { id } = await bed.up({ root });
  await bed.helper.request(protocol.CommitContainer, {
    container: id,
    name: 'pause',
    config: { args: ['/bin/sleep', '1000'] },
  });
  for (const name of ['played', 'pause']) {
    await exportTo(`${name}.tar`, 'docker-archive', { kind: 'image', name });
    const loaded = podman('load', '--quiet', '--input', `${name}.tar`);
    assert.equal(loaded.status, 0, loaded.stderr);
  }
  return root;
}

test('podman plays what was exported: the same command, variables, mounts and host name', async (t) => {
  const reason = missing();
  if (reason !== undefined) return t.skip(reason);
  const root = await played();
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
  const result = podman('kube', 'play', '--network', 'none', '--start=false', 'pod.yaml');
  assert.equal(result.status, 0, `${result.stderr}\n${readFileSync(path.join(out, 'pod.yaml'), 'utf8')}`);
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

test('podman runs a pod that was exported: its containers share what they shared here', async (t) => {
  const reason = missing();
  if (reason !== undefined) return t.skip(reason);
  const root = await played();
  const shared = path.join(out, 'both');
  mkdirSync(shared);
  await bed.helper.request(protocol.CreatePod, {
    name: 'hive',
    shares: ['network', 'ipc', 'uts', 'pid'],
    hostname: 'comb',
  });
  const mounts = [{ destination: '/both', source: shared }];
  // Each writes who it is, with what only another start of the same command would write to the same place.
  const says = 'echo "$(hostname)" > /both/$NAME; exec sleep 1000';
  for (const name of ['bee', 'wasp']) {
    await bed.up({ root, name, pod: 'hive', mounts, env: [`NAME=${name}`], args: ['/bin/sh', '-c', says] });
  }
  await eventually('what both say', () => ['bee', 'wasp'].every((name) => existsSync(path.join(shared, name))));
  await exportTo('hive.yaml', 'kube', { kind: 'pod', pod: 'hive' });
  await bed.helper.request(protocol.RemovePod, { pod: 'hive', force: true });
  for (const name of ['bee', 'wasp']) rmSync(path.join(shared, name));
  const engine = `podman ${folders.join(' ')}`;
  const script = `mount -t cgroup2 none /sys/fs/cgroup && ${engine} kube play --network none hive.yaml >&2 || exit 1
    for name in hive-bee hive-wasp; do
      pid=$(${engine} inspect --format '{{.State.Pid}}' $name)
      for type in net ipc uts pid mnt; do readlink /proc/$pid/ns/$type; done
    done
    for name in bee wasp; do
      for i in $(seq 100); do [ -s both/$name ] && break; sleep 0.1; done
    done
    cat both/bee both/wasp
    ${engine} pod rm --force --time 0 hive >&2`;
  // crun refuses a machine with both versions of cgroups (1.8.1): here it sees only version 2, in namespaces around it.
  const { stdout, stderr, status } = run(
    'podman',
    ...folders,
    'unshare',
    'unshare',
    '--cgroup',
    '--mount',
    'sh',
    '-c',
    script,
  );
  const seen = stdout.trim().split('\n');
  assert.deepEqual([status, seen.length], [0, 12], `${stderr}\n${readFileSync(path.join(out, 'hive.yaml'), 'utf8')}`);
  assert.deepEqual(seen.slice(0, 4), seen.slice(5, 9), 'net, ipc, uts and pid');
  assert.notEqual(seen[4], seen[9], 'each has a root of its own');
  assert.deepEqual(seen.slice(10), ['comb', 'comb']);
});

test('a pod is exported whole, or not at all', async () => {
  const { Unavailable, Invalid, NotFound } = protocol.ErrorCode;
  const source = { kind: 'pod', pod: 'lone' } as const;
  await fails(exportTo('lone.yaml', 'kube', source), { code: NotFound, message: /no pod "lone"/ });
  await bed.helper.request(protocol.CreatePod, { name: 'lone' });
  await fails(exportTo('lone.yaml', 'kube', source), { code: Unavailable, message: /no containers/, fix: /Make some/ });
  await fails(exportTo('lone.tar', 'tar', source), { code: Invalid, message: /as a Pod manifest/, fix: /\.yaml/ });
  await bed.up({ pod: 'lone', name: 'hermit' });
  await fails(exportTo('lone.yaml', 'kube', source), {
    code: Unavailable,
    message: /Pod of hermit/,
    fix: /Make an image/,
  });
  assert.ok(!existsSync(path.join(out, 'lone.yaml')) && !existsSync(path.join(out, 'lone.tar')));
  await bed.helper.request(protocol.RemovePod, { pod: 'lone', force: true });
});

test('a Pod of what is no image is refused, and says what to do', async () => {
  const { id } = await bed.up();
  await fails(exportTo('refused.yaml', 'kube', { kind: 'container', container: id }), {
    code: protocol.ErrorCode.Unavailable,
    message: /no image that a Pod/,
    fix: /Make an image/,
  });
});

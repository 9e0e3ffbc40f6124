import type { ResolvedRoot } from '../../../helper/container/root.js';
import type { Facts } from '../../../helper/language/facts.js';

export const place = { folder: '/home/person/project', home: '/home/person', trusted: true };

const users = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:/bin/false\nfar:x:70000:0::/:\n',
  group: 'root:x:0:\nweb:x:33:\nmedia:x:44:web\n',
};

/** A machine with one image, two containers, and a range of ids. */
export function factsWith(more: Partial<Facts> & { image?: ResolvedRoot['image'] } = {}): Facts {
  const { image, ...facts } = more;
  return {
    images: [{ name: 'debian', digest: 'sha256:abc', sizeBytes: 104_857_600 }],
    containers: [
      { name: 'db', state: 'running' },
      { name: 'old', state: 'stopped' },
    ],
    pods: [{ name: 'web', shares: ['network', 'uts'], network: { kind: 'none' }, hostname: 'web' }],
    networks: [{ name: 'backend', subnet: '10.120.0.0/24' }],
    identity: {
      mapping: 'range',
      uidMappings: [
        { containerID: 0, hostID: 1500, size: 1 },
        { containerID: 1, hostID: 100_000, size: 65_536 },
      ],
      gidMappings: [
        { containerID: 0, hostID: 1500, size: 1 },
        { containerID: 1, hostID: 100_000, size: 65_536 },
      ],
      explanation: 'a range',
    },
    root: { kind: 'found', users, ...(image === undefined ? {} : { image }) },
    sources: new Map(),
    uptime: 1000,
    ...facts,
  };
}

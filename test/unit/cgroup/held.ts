import { listedKnobs } from '../../../helper/cgroup/discovery.js';
import { knobFiles } from '../../../helper/cgroup/knobFiles.js';
import type { HeldLimit } from '../../../helper/cgroup/reading.js';

/** What a cgroup with these files holds, without a file system. `../NAME` is a file of the group above. */
export function heldIn(version: 1 | 2, files: Readonly<Record<string, string>>): Map<string, HeldLimit> {
  const held = new Map<string, HeldLimit>();
  const names = [...listedKnobs.map(({ name }) => name), 'misc.max', 'rdma.max', 'hugetlb.2MB.max'];
  for (const name of names) {
    const form = knobFiles(version, name).find((each) => files[each.files[0] ?? ''] !== undefined);
    if (form === undefined) continue;
    const contents = [...form.files, ...(form.context ?? [])].map((file) => files[file] ?? '');
    const raw = contents.slice(0, form.files.length).join(' ').trim();
    held.set(name, { value: form.decode(contents), raw, files: form.files, contents, form });
  }
  return held;
}

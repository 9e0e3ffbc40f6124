import * as path from 'node:path';
import * as protocol from '../../../helper/protocol/index.js';
import type { Bed } from '../support/bed.js';
import { packRoot } from '../support/root.js';

/** All that tells two trees apart, as busybox sees it from inside: one line for each entry, in order, with content. */
export const everything = `cd / && find . -xdev ! -path './proc*' ! -path './sys*' ! -path './dev*' | sort | while read -r f; do
  if [ -L "$f" ]; then echo "$f link $(readlink "$f") $(stat -c '%u %g %Y' "$f")"
  elif [ -d "$f" ]; then echo "$f folder $(stat -c '%a %u %g' "$f")"
  elif [ -f "$f" ]; then echo "$f file $(stat -c '%a %u %g %Y %s %h' "$f") $(md5sum < "$f")"
  else echo "$f $(stat -c '%F %a %u %g' "$f")"; fi; done`;

/** Makes an image of the bed's root. */
export async function importRoot(bed: Bed, name: string): Promise<string> {
  const file = packRoot(bed.rootFolder, path.join(bed.home.folder, `${name}.tar`), 'plain');
  await bed.helper.request(protocol.ImportImage, { file, name });
  return name;
}

/** What a container changes in tests: something of each kind. */
export const changeScript = `set -e
  mkdir -p /srv/deep/er; echo 12345 > /srv/deep/er/file; ln /srv/deep/er/file /srv/again; ln -s deep/er/file /srv/link
  echo more >> /etc/passwd; chmod 640 /etc/group; rm -r /home/alice; rm /bin/vi; mkdir /bin/vi; echo x > /bin/vi/inside
  rm -r /root; mkdir /root; echo new > /root/new; mkfifo /srv/pipe; chmod 4755 /bin/busybox
  dd if=/dev/zero of=/srv/sparse bs=1 count=1 seek=3000000 2>/dev/null
  echo u > "/srv/$(printf 'm\\303\\274ll \\033 name')"; touch -d '1999-12-31 23:59:59' /srv/old`;

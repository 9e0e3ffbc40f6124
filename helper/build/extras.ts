import type { BuildExtra } from '../protocol/images.js';

/** What an extra adds: files that are made, and files and folders of this machine that are copied where they exist. */
export interface Extra {
  made: { path: string; content: string; why: string }[];
  /** With all that is in them; a file larger than `mostBytes` is left out. */
  copied: { path: string; why: string; mostBytes?: number }[];
  /** Opened by name at run time, so that no program says that it needs them. */
  libraries: { name: string; why: string }[];
}

/** Terminals that people really have; the whole database has thousands. */
const terminals = [
  'ansi',
  'dumb',
  'linux',
  'screen',
  'screen-256color',
  'tmux',
  'tmux-256color',
  'vt100',
  'vt102',
  'vt220',
  'xterm',
  'xterm-256color',
  'xterm-color',
];

/** Certificate bundles and folders of hashed certificates, as the distributions have them. */
const certificatePlaces = [
  '/etc/ssl/certs',
  '/etc/ssl/cert.pem',
  '/usr/lib/ssl/certs',
  '/etc/pki/tls/certs',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/ca-trust/extracted',
  '/etc/ca-certificates/extracted',
];

export interface ExtraChoices {
  /** Of root's account, absolute. */
  shell: string;
  /** Such as `de_DE.UTF-8`: the value of LANG. */
  language: string;
}

export function extraContent(extra: BuildExtra, { shell, language }: ExtraChoices): Extra {
  switch (extra) {
    case 'accounts':
      return accounts(shell);
    case 'certificates':
      return {
        made: [],
        copied: certificatePlaces.map((path) => ({ path, why: 'certificates that this machine trusts' })),
        libraries: [],
      };
    case 'locale':
      return {
        made: [],
        // Folders, or the archive that localedef(1) makes; which spelling of a name is a folder differs.
        copied: [...localeNames('C.UTF-8'), ...localeNames(language), 'locale-archive'].map((name) => ({
          path: `/usr/lib/locale/${name}`,
          why: 'locales: languages and character sets',
          mostBytes: largestLocales,
        })),
        libraries: [],
      };
    case 'terminfo':
      return {
        made: [],
        copied: terminals.flatMap((name) =>
          ['/lib/terminfo', '/usr/share/terminfo', '/etc/terminfo'].flatMap((folder) =>
            // Folders are named after the first letter, or on other systems after its code.
            [name.charAt(0), name.charCodeAt(0).toString(16)].map((initial) => ({
              path: `${folder}/${initial}/${name}`,
              why: `what the terminal ${name} can do`,
            })),
          ),
        ),
        libraries: [],
      };
  }
}

/** An archive of all languages has hundreds of megabytes. */
const largestLocales = 32 * 1024 * 1024;

/** `de_DE.UTF-8` is the folder `de_DE.utf8` to glibc. */
function localeNames(language: string): string[] {
  if (!/^[A-Za-z][\w.@-]*$/.test(language)) return [];
  return [language, language.replace(/\.[^@]*/, (codeset) => codeset.toLowerCase().replace(/[^.a-z0-9]/g, ''))];
}

/** Not this machine's accounts: who has one here is nobody's business inside. */
function accounts(shell: string): Extra {
  return {
    made: [
      {
        path: '/etc/passwd',
        content: `root:x:0:0:root:/root:${shell}\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n`,
        why: 'accounts: root and nobody',
      },
      { path: '/etc/group', content: 'root:x:0:\nnogroup:x:65534:\n', why: 'groups: root and nogroup' },
      {
        path: '/etc/nsswitch.conf',
        content: 'passwd: files\ngroup: files\nhosts: files dns\n',
        why: 'where the C library looks accounts and hosts up',
      },
    ],
    copied: [],
    // Since glibc 2.34 they are in the C library itself, and what remains of them is empty.
    libraries: ['libnss_files.so.2', 'libnss_dns.so.2'].map((name) => ({
      name,
      why: 'the C library opens it to look up accounts and hosts',
    })),
  };
}

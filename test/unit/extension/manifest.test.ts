import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';

const root = process.cwd();
const text = (file: string): string => readFileSync(path.join(root, file), 'utf8');

interface MenuItem {
  command?: string;
  submenu?: string;
  when?: string;
}
interface Manifest {
  icon: string;
  contributes: {
    commands: { command: string; title: string; enablement?: string }[];
    menus: Record<string, MenuItem[]>;
    submenus: { id: string }[];
    keybindings: { command: string }[];
    views: Record<string, { id: string; icon: string }[]>;
    viewsWelcome: { view: string; contents: string }[];
    walkthroughs: { steps: { description: string; media: { svg?: string; markdown?: string } }[] }[];
  };
}
const manifest = JSON.parse(text('package.json')) as Manifest;
const words = JSON.parse(text('package.nls.json')) as Record<string, string>;
const commands = new Set(manifest.contributes.commands.map(({ command }) => command));

const sources = (readdirSync(path.join(root, 'extension'), { recursive: true }) as string[])
  .filter((file) => file.endsWith('.ts'))
  .map((file) => text(path.join('extension', file)))
  .join('\n');

describe('the manifest', () => {
  it('has its words in package.nls.json, all of them and no others', () => {
    const used = new Set([...text('package.json').matchAll(/"%([^%"]+)%"/g)].map(([, key]) => key));
    assert.deepEqual([...used].sort(), Object.keys(words).sort());
  });

  it('declares every command that menus and keys name', () => {
    const named = [...Object.values(manifest.contributes.menus).flat(), ...manifest.contributes.keybindings].flatMap(
      ({ command }) => command ?? [],
    );
    assert.deepEqual(
      named.filter((command) => !commands.has(command)),
      [],
    );
    const submenus = Object.values(manifest.contributes.menus).flatMap((items) =>
      items.flatMap(({ submenu }) => submenu ?? []),
    );
    for (const submenu of submenus) {
      assert.ok(
        manifest.contributes.submenus.some(({ id }) => id === submenu) && submenu in manifest.contributes.menus,
      );
    }
  });

  it('declares the commands that are registered, and registers the ones it declares', () => {
    const registered = new Set(
      [
        ...sources.matchAll(
          /'(terrarium\.\w+)': \{|registerCommand\(\s*'(terrarium\.\w+)'|command\('(terrarium\.\w+)'/g,
        ),
      ].map(([, table, direct, wrapped]) => table ?? direct ?? wrapped ?? ''),
    );
    assert.deepEqual([...registered].sort(), [...commands].sort());
  });

  it('turns off in the palette what needs containers, where there can be none', () => {
    const inPalette = manifest.contributes.menus.commandPalette ?? [];
    // What goes by a file, a view or a selection that is not there needs nothing more.
    const bound = new Set(inPalette.map(({ command }) => command));
    const always = manifest.contributes.commands.filter(
      ({ command, enablement }) => !bound.has(command) && enablement !== 'terrarium.connection != unsupported',
    );
    assert.deepEqual(
      always.map(({ command }) => command),
      ['terrarium.showLog'],
    );
  });

  it('says of what each command is that the palette shows', () => {
    const plain = /^(?:Open|Copy|Preview|Mount|Refresh|Remove|Rename)(?: in \w+)?…?$/;
    const hidden = new Set(
      (manifest.contributes.menus.commandPalette ?? []).flatMap(({ command, when }) =>
        when === 'false' ? [command] : [],
      ),
    );
    const titles = manifest.contributes.commands
      .filter(({ command }) => !hidden.has(command))
      .map(({ title }) => words[title.replaceAll('%', '')] ?? '');
    assert.ok(titles.length > 50);
    // Containers are what most commands are about: theirs are the bare words.
    assert.deepEqual(
      titles.filter((title) => plain.test(title)),
      ['Rename…', 'Remove…'],
    );
  });

  it('links only to commands that exist', () => {
    const links = Object.values(words).flatMap((word) =>
      [...word.matchAll(/\(command:([\w.-]+)/g)].map(([, id]) => id ?? ''),
    );
    const own = links.filter((id) => id.startsWith('terrarium.') && !id.endsWith('.focus'));
    assert.ok(own.length > 5);
    assert.deepEqual(
      own.filter((id) => !commands.has(id)),
      [],
    );
  });

  it('names files that are there', () => {
    const { views, walkthroughs } = manifest.contributes;
    const files = [
      manifest.icon,
      ...Object.values(views).flatMap((list) => list.map(({ icon }) => icon)),
      ...walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.svg ?? media.markdown ?? '')),
    ];
    assert.deepEqual(
      files.filter((file) => !existsSync(path.join(root, file))),
      [],
    );
  });

  it('goes by context values that the trees give', () => {
    const values = new Set([...sources.matchAll(/contextValue[^\n]*?[`']([a-z]+)[.`'$]/g)].map(([, kind]) => kind));
    const asked = Object.values(manifest.contributes.menus)
      .flat()
      .flatMap(({ when }) =>
        [...(when ?? '').matchAll(/viewItem (?:==|=~) \/?\^?\(?([a-z]+)/g)].map(([, kind]) => kind),
      );
    assert.ok(asked.length > 20);
    assert.deepEqual(
      asked.filter((kind) => kind !== 'command' && !values.has(kind)),
      [],
    );
  });
});

import { randomBytes } from 'node:crypto';
import { closeSync, promises as fs, mkdirSync, openSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import { ResponseError } from 'vscode-jsonrpc';
import { z } from 'zod';
import { flock } from '../../native/bindings/flock.js';
import { ErrorCode, type TerrariumError, terrariumError } from '../protocol/index.js';
import { writeAtomically } from './atomicFile.js';
import { type DamagedContainer, standInFor } from './damaged.js';
import type { Locations } from './locations.js';
import { type ContainerRecord, containerRecordSchema } from './record.js';

const idPattern = /^[0-9a-f]{12}$/;

/**
 * Folders of throw-away containers are sticky, which means nothing for a folder that nobody else may enter: it tells them
 * when their record was lost.
 */
const throwAwayMode = 0o1700;
const isThrowAway = (folder: string): boolean =>
  ((statSync(folder, { throwIfNoEntry: false })?.mode ?? 0) & 0o1000) !== 0;

const isDamage = (error: unknown): error is TerrariumError =>
  error instanceof ResponseError && error.code === ErrorCode.BadInput;

/** Containers as folders on disk. Several helpers may work on the same ones; what must be alone takes the container's lock. */
export class ContainerStore {
  /** Records as they were last read, by id: listing a hundred containers at every change must not parse them all. */
  private readonly known = new Map<string, { version: string; record: ContainerRecord }>();

  constructor(private readonly locations: Locations) {}

  static newId(): string {
    return randomBytes(6).toString('hex');
  }

  folder(id: string, ...below: string[]): string {
    return path.join(this.locations.containers, id, ...below);
  }

  /**
   * Claims the name and writes the record. Leaves nothing behind on failure. A crash of the machine may still lose it:
   * nobody is to be told that it is there before `sync`, which can go on while it is started.
   * @throws NameTaken
   */
  async create(record: ContainerRecord): Promise<void> {
    const folder = this.folder(record.id);
    mkdirSync(folder, { mode: record.remove ? throwAwayMode : 0o700 });
    try {
      await this.write(record, { durable: false });
      await this.claimName(record.name, record.id);
    } catch (error) {
      await fs.rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Makes what was created survive a crash of the machine. What a throw-away container is need not. */
  async sync(record: ContainerRecord): Promise<void> {
    if (record.remove) return;
    const file = await fs.open(this.folder(record.id, 'container.json'), 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Writes a record that is there already: after a crash of the machine it is the old one or the new one. */
  async save(record: ContainerRecord): Promise<void> {
    await this.write(record, { durable: !record.remove });
  }

  private write(record: ContainerRecord, how: { durable: boolean }): Promise<void> {
    this.known.delete(record.id);
    return writeAtomically(this.folder(record.id, 'container.json'), JSON.stringify(record), how);
  }

  /** @throws NameTaken */
  async rename(record: ContainerRecord, name: string): Promise<ContainerRecord> {
    if (name === record.name) return record;
    const renamed = { ...record, name };
    await this.withNames(async () => {
      // Until the record is saved the link looks stale to others: they wait for the lock before they take it over.
      if (!this.linkName(name, record.id)) await this.takeOverName(name, record.id);
      try {
        await this.save(renamed);
      } catch (error) {
        await this.releaseName(name, record.id);
        throw error;
      }
      await this.releaseName(record.name, record.id);
    });
    return renamed;
  }

  /** Removes the record and the name. The container's trees must be gone already. */
  async forget(record: ContainerRecord): Promise<void> {
    await fs.rm(this.folder(record.id), { recursive: true, force: true });
    await this.withNames(() => this.releaseName(record.name, record.id));
  }

  /** All containers whose record can be read, oldest first. */
  async list(): Promise<ContainerRecord[]> {
    return (await this.survey()).records;
  }

  /** All containers, oldest first, and those with a damaged record: one damaged file must not hide all the others. */
  async survey(): Promise<{ records: ContainerRecord[]; damaged: DamagedContainer[] }> {
    const damaged: DamagedContainer[] = [];
    const records = await Promise.all(
      (await this.ids()).map((id) =>
        this.read(id).catch(async (error: unknown) => {
          if (!isDamage(error)) throw error;
          damaged.push(await this.describeDamaged(id, error));
          return undefined;
        }),
      ),
    );
    const byAge = (a: { createdAt: string; id: string }, b: { createdAt: string; id: string }) =>
      a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id);
    return { records: records.filter((record) => record !== undefined).sort(byAge), damaged: damaged.sort(byAge) };
  }

  private async describeDamaged(id: string, error: TerrariumError): Promise<DamagedContainer> {
    const names = (await fs.readdir(this.locations.names)).filter((name) => this.idOfName(name) === id);
    const { birthtime } = await fs.stat(this.folder(id));
    return { id, name: names[0] ?? id, createdAt: birthtime.toISOString(), error };
  }

  /** Ids of all containers, also of those whose record is not there yet. */
  async ids(): Promise<string[]> {
    return (await fs.readdir(this.locations.containers)).filter((name) => idPattern.test(name));
  }

  /**
   * Undefined when it is gone, or not there yet: another helper may be creating or removing it.
   * @throws BadInput when it is damaged
   */
  async read(id: string): Promise<ContainerRecord | undefined> {
    const file = this.folder(id, 'container.json');
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) {
      this.known.delete(id);
      return undefined;
    }
    // Every write makes a new file: another inode, unless that of the file before last is used again at another time.
    const version = `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
    const known = this.known.get(id);
    if (known?.version === version) return known.record;
    const record = await this.readFile(id, file);
    if (record !== undefined) this.known.set(id, { version, record });
    return record;
  }

  private async readFile(id: string, file: string): Promise<ContainerRecord | undefined> {
    let text: string;
    try {
      text = await fs.readFile(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    // A throw-away container's record is not synced: after a crash of the machine there may be a file with nothing in it.
    if (text === '' && isThrowAway(this.folder(id))) return undefined;
    try {
      return containerRecordSchema.parse(JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
      throw terrariumError(ErrorCode.BadInput, `The record of container ${id} is damaged: ${file}`, {
        path: file,
        cause: error instanceof SyntaxError ? error.message : z.prettifyError(error),
        fix: 'Put back a copy of that file, or remove the container. What it wrote is in the folder "upper" beside it.',
        command: `terrarium rm -f ${id}`,
      });
    }
  }

  /** Finds a container by name, id, or an unambiguous start of an id. @throws NotFound, BadInput when it is damaged */
  async find(reference: string): Promise<ContainerRecord> {
    const named = this.idOfName(reference);
    if (named !== undefined) {
      const record = await this.read(named);
      if (record?.name === reference) return record;
    }
    if (idPattern.test(reference)) {
      const record = await this.read(reference);
      if (record !== undefined) return record;
    } else if (/^[0-9a-f]{1,11}$/.test(reference)) {
      const ids = (await this.ids()).filter((id) => id.startsWith(reference));
      const [id] = ids;
      if (ids.length > 1) {
        throw terrariumError(ErrorCode.NotFound, `"${reference}" is the start of ${ids.length} containers' ids`, {
          fix: 'Give more of the id, or the name.',
        });
      }
      const record = id === undefined ? undefined : await this.read(id);
      if (record !== undefined) return record;
    }
    throw terrariumError(ErrorCode.NotFound, `There is no container "${reference}"`, {
      fix: 'See which there are.',
      command: 'terrarium ps',
    });
  }

  /** The same for who only wants to end and remove it, which a damaged record does not keep anybody from. */
  async findRemovable(reference: string): Promise<ContainerRecord> {
    try {
      return await this.find(reference);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const { damaged } = await this.survey();
      const found = damaged.find(({ id, name }) => name === reference || id.startsWith(reference));
      if (found === undefined) throw error;
      return standInFor(found);
    }
  }

  async isNameTaken(name: string): Promise<boolean> {
    const id = this.idOfName(name);
    if (id === undefined) return false;
    try {
      return (await this.read(id))?.name === name;
    } catch (error) {
      // It is listed by that name, and to be removed by it.
      if (isDamage(error)) return true;
      throw error;
    }
  }

  /**
   * Runs `work` while no other helper changes this container.
   * @throws NotFound when it was removed meanwhile.
   */
  async locked<T>(id: string, work: (record: ContainerRecord) => Promise<T>): Promise<T> {
    return this.withLock(id, async () => {
      const record = await this.read(id);
      if (record === undefined) {
        throw terrariumError(ErrorCode.NotFound, `The container ${id} was removed meanwhile`);
      }
      return work(record);
    });
  }

  /** The same for a container whose record is known: one that was just made, or the stand-in of one that is damaged. */
  async lockedNew<T>(record: ContainerRecord, work: () => Promise<T>): Promise<T> {
    return this.withLock(record.id, work);
  }

  private async withLock<T>(id: string, work: () => Promise<T>): Promise<T> {
    // A descriptor of the folder itself: the lock then vanishes with what it protects.
    let fd: number;
    try {
      fd = openSync(this.folder(id), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw terrariumError(ErrorCode.NotFound, `There is no container ${id}`);
    }
    try {
      await flock(fd, 'exclusive');
      return await work();
    } finally {
      closeSync(fd);
    }
  }

  /** At once: reading a link takes a few microseconds, and a way to a thread and back a hundred. */
  private idOfName(name: string): string | undefined {
    if (name === '' || name.includes('/') || name.includes('\0') || name.startsWith('.')) return undefined;
    try {
      const target = path.basename(readlinkSync(path.join(this.locations.names, name)));
      return idPattern.test(target) ? target : undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENAMETOOLONG') return undefined;
      throw error;
    }
  }

  /** @throws NameTaken */
  private async claimName(name: string, id: string): Promise<void> {
    if (!this.linkName(name, id)) await this.withNames(() => this.takeOverName(name, id));
  }

  /** False when the name has a link already. */
  private linkName(name: string, id: string): boolean {
    try {
      symlinkSync(`../containers/${id}`, path.join(this.locations.names, name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return false;
    }
  }

  /** Puts a link in the place of one that a crash has left. The caller holds the lock on names. @throws NameTaken */
  private async takeOverName(name: string, id: string): Promise<void> {
    if (await this.isNameTaken(name)) {
      throw terrariumError(ErrorCode.NameTaken, `There already is a container named "${name}"`, {
        fix: 'Choose another name, or remove that container.',
        command: `terrarium rm ${name}`,
      });
    }
    const link = path.join(this.locations.names, name);
    const temporary = `${link}.${id}`;
    await fs.symlink(`../containers/${id}`, temporary);
    await fs.rename(temporary, link);
  }

  private async releaseName(name: string, id: string): Promise<void> {
    if (this.idOfName(name) === id) await fs.rm(path.join(this.locations.names, name), { force: true });
  }

  /**
   * Names have a lock for what takes more than one call: otherwise two helpers that find the same stale link would both
   * take it over, and one that releases a name could remove the link that another has just put there.
   */
  private async withNames<T>(work: () => Promise<T>): Promise<T> {
    const fd = openSync(this.locations.names, 'r');
    try {
      await flock(fd, 'exclusive');
      return await work();
    } finally {
      closeSync(fd);
    }
  }
}

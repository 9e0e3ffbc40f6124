import { randomBytes } from 'node:crypto';
import { closeSync, promises as fs, mkdirSync, openSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import { flock } from '../../native/bindings/flock.js';
import { ErrorCode, terrariumError } from '../protocol/index.js';
import { writeAtomically } from './atomicFile.js';
import type { Locations } from './locations.js';
import { type ContainerRecord, containerRecordSchema } from './record.js';

const idPattern = /^[0-9a-f]{12}$/;

/** Containers as folders on disk. Several helpers may work on the same ones; what must be alone takes the container's lock. */
export class ContainerStore {
  constructor(private readonly locations: Locations) {}

  static newId(): string {
    return randomBytes(6).toString('hex');
  }

  folder(id: string, ...below: string[]): string {
    return path.join(this.locations.containers, id, ...below);
  }

  /**
   * Claims the name and writes the record. Leaves nothing behind on failure.
   * @throws NameTaken
   */
  async create(record: ContainerRecord): Promise<void> {
    const folder = this.folder(record.id);
    mkdirSync(folder, { mode: 0o700 });
    try {
      await this.write(record);
      await this.claimName(record.name, record.id);
    } catch (error) {
      await fs.rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async save(record: ContainerRecord): Promise<void> {
    await this.write(record);
  }

  /** What a throw-away container is need not survive the machine. */
  private write(record: ContainerRecord): Promise<void> {
    return writeAtomically(this.folder(record.id, 'container.json'), JSON.stringify(record), {
      durable: !record.remove,
    });
  }

  /** @throws NameTaken */
  async rename(record: ContainerRecord, name: string): Promise<ContainerRecord> {
    if (name === record.name) return record;
    await this.claimName(name, record.id);
    const renamed = { ...record, name };
    try {
      await this.save(renamed);
    } catch (error) {
      await this.releaseName(name, record.id);
      throw error;
    }
    await this.releaseName(record.name, record.id);
    return renamed;
  }

  /** Removes the record and the name. The container's trees must be gone already. */
  async forget(record: ContainerRecord): Promise<void> {
    await fs.rm(this.folder(record.id), { recursive: true, force: true });
    await this.releaseName(record.name, record.id);
  }

  async list(): Promise<ContainerRecord[]> {
    const ids = (await fs.readdir(this.locations.containers)).filter((name) => idPattern.test(name));
    const records = await Promise.all(ids.map((id) => this.read(id)));
    return records
      .filter((record) => record !== undefined)
      .sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
  }

  /** Undefined when it is gone, or not whole yet: another helper may be creating or removing it. */
  async read(id: string): Promise<ContainerRecord | undefined> {
    const file = this.folder(id, 'container.json');
    let text: string;
    try {
      text = await fs.readFile(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      return containerRecordSchema.parse(JSON.parse(text));
    } catch (error) {
      throw terrariumError(ErrorCode.Internal, `The record of container ${id} is damaged: ${file}`, {
        path: file,
        cause: error instanceof Error ? error.message : String(error),
        fix: `Remove the folder ${this.folder(id)} to get rid of this container.`,
      });
    }
  }

  /** Finds a container by name, id, or an unambiguous start of an id. @throws NotFound */
  async find(reference: string): Promise<ContainerRecord> {
    const named = await this.idOfName(reference);
    if (named !== undefined) {
      const record = await this.read(named);
      if (record?.name === reference) return record;
    }
    if (/^[0-9a-f]{1,12}$/.test(reference)) {
      const ids = (await fs.readdir(this.locations.containers)).filter(
        (id) => idPattern.test(id) && id.startsWith(reference),
      );
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

  async isNameTaken(name: string): Promise<boolean> {
    const id = await this.idOfName(name);
    return id !== undefined && (await this.read(id))?.name === name;
  }

  /**
   * Runs `work` while no other helper changes this container.
   * @throws NotFound when it was removed meanwhile.
   */
  async locked<T>(id: string, work: (record: ContainerRecord) => Promise<T>): Promise<T> {
    const folder = this.folder(id);
    // A descriptor of the folder itself: the lock then vanishes with what it protects.
    let fd: number;
    try {
      fd = openSync(folder, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw terrariumError(ErrorCode.NotFound, `There is no container ${id}`);
    }
    try {
      await flock(fd, 'exclusive');
      const record = await this.read(id);
      if (record === undefined) {
        throw terrariumError(ErrorCode.NotFound, `The container ${id} was removed meanwhile`);
      }
      return await work(record);
    } finally {
      closeSync(fd);
    }
  }

  private async idOfName(name: string): Promise<string | undefined> {
    if (name === '' || name.includes('/') || name.includes('\0') || name.startsWith('.')) return undefined;
    try {
      const target = path.basename(await fs.readlink(path.join(this.locations.names, name)));
      return idPattern.test(target) ? target : undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENAMETOOLONG') return undefined;
      throw error;
    }
  }

  private async claimName(name: string, id: string): Promise<void> {
    const link = path.join(this.locations.names, name);
    try {
      symlinkSync(`../containers/${id}`, link);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await this.isNameTaken(name)) {
      throw terrariumError(ErrorCode.NameTaken, `There already is a container named "${name}"`, {
        fix: 'Choose another name, or remove that container.',
        command: `terrarium rm ${name}`,
      });
    }
    // A crash left the link: put ours in its place in one step, so that two helpers cannot both win.
    const temporary = `${link}.${id}`;
    await fs.symlink(`../containers/${id}`, temporary);
    await fs.rename(temporary, link);
  }

  private async releaseName(name: string, id: string): Promise<void> {
    if ((await this.idOfName(name)) === id) await fs.rm(path.join(this.locations.names, name), { force: true });
  }
}

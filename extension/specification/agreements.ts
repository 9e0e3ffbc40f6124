import type { Memento } from 'vscode';

const stateKey = 'terrarium.agreedSpecifications';
/** Old ones are forgotten: being asked once more is cheap. */
const most = 200;

/** The specifications, by the hash of their text and of what it reaches, that the person has agreed to launch. */
export class Agreements {
  constructor(private readonly state: Memento) {}

  has(key: string): boolean {
    return this.keys().includes(key);
  }

  async add(key: string): Promise<void> {
    await this.state.update(stateKey, [key, ...this.keys().filter((known) => known !== key)].slice(0, most));
  }

  private keys(): string[] {
    return this.state.get<string[]>(stateKey, []);
  }
}

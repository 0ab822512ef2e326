/** The keys: the root key in a file of its own, and those of the worlds, which it seals. */
import { closeSync, constants, existsSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { newKey, printOf, seal, unseal } from './sealing.ts';
import type { KeyRow, Store } from './store.ts';

/** The sentence says what an operator has to do. */
class Unopened extends Error {}

type Root = { version: number; key: Buffer };
type State = { root_version: number; root_print: string; data_version: number };

const lineOf = ({ version, key }: Root): string => `v${version} ${key.toString('base64url')}\n`;

/** The root keys in the file, the newest last: a line with its version for each. There are two only while one takes the other's place. */
export class RootFile {
  readonly path: string;
  constructor(path: string) {
    this.path = path;
  }

  /** A line without its end was being written when everything stopped; nothing is sealed with it yet. */
  read(): Root[] {
    if (!existsSync(this.path)) return [];
    return readFileSync(this.path, 'utf8').split('\n').slice(0, -1).map((line) => {
      const [, version, key = ''] = /^v(\d+) ([\w-]{43})$/.exec(line.trim()) ?? [];
      if (version === undefined) throw new Unopened(`The file ${this.path} does not hold a root key of the vault: a line is \`v1\`, a space and 43 letters. Restore it from a backup.`);
      return { version: Number(version), key: Buffer.from(key, 'base64url') };
    });
  }

  add(root: Root): void {
    const whole = this.read().map(lineOf).join('');
    if (existsSync(this.path) && readFileSync(this.path, 'utf8') !== whole) this.#replace(whole);
    this.#write(constants.O_APPEND, this.path, lineOf(root));
  }

  /** Leaves only those from a version on. Should that be lost, the others are there a little longer. */
  forgetBefore(version: number): void {
    this.#replace(this.read().filter((root) => root.version >= version).map(lineOf).join(''));
  }

  #replace(text: string): void {
    const draft = `${this.path}.new`;
    this.#write(constants.O_TRUNC, draft, text);
    renameSync(draft, this.path);
  }

  /** On the disk when this returns: the process may not ask for that afterwards, so it is written that way. */
  #write(how: number, path: string, text: string): void {
    const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_SYNC | how, 0o600);
    writeSync(file, text);
    closeSync(file);
  }
}

export class Keyring {
  readonly store: Store;
  readonly file: RootFile;
  readonly #opened = new Map<string, Buffer>();

  /** Refuses a file that is missing or holds another key than the vault is sealed with; the first start of an empty vault makes one. */
  constructor(store: Store, file: RootFile) {
    this.store = store;
    this.file = file;
    store.alone(() => {
      const state = this.state();
      if (state) return this.root(state.root_version);
      const roots = file.read();
      const root = roots.at(-1) ?? { version: 1, key: newKey() };
      if (roots.length === 0) file.add(root);
      return store.run('insert into state (one, root_version, root_print, data_version) values (1, ?, ?, 1)', root.version, printOf(root.key));
    });
  }

  state(): State | undefined {
    return this.store.one<State>('select root_version, root_print, data_version from state');
  }

  /** The root key of a version. Read each time: another process may have taken a new one. */
  root(version: number): Root {
    const roots = this.file.read();
    const found = roots.find((each) => each.version === version);
    const { root_version, root_print } = this.state()!;
    if (roots.length === 0) throw new Unopened(`The file ${this.file.path} is missing, and the vault is sealed with the root key that was in it. Restore it from a backup, or name it in KONTOR_VAULT_KEY_FILE.`);
    if (!found || (version === root_version && printOf(found.key) !== root_print)) {
      throw new Unopened(`The vault is sealed with another root key (${root_print}) than that in ${this.file.path}. Restore the right file from a backup, or name it in KONTOR_VAULT_KEY_FILE.`);
    }
    return found;
  }

  /** The key with which a world's data keys are sealed from now on, or its key for fingerprints; made at first. Within `alone`. */
  current(world: number, purpose: KeyRow['purpose']): { version: number; key: Buffer } {
    const newest = this.store.one<{ version: number }>('select max(version) as version from keys where world = ? and purpose = ? having count(*) > 0', world, purpose);
    return newest ? { version: newest.version, key: this.open(world, purpose, newest.version) } : this.add(world, purpose, 1);
  }

  /** A new key of a world. Within `alone`. */
  add(world: number, purpose: KeyRow['purpose'], version: number): { version: number; key: Buffer } {
    const root = this.root(this.state()!.root_version);
    const key = newKey();
    this.store.run('insert into keys (world, purpose, version, root_version, sealed) values (?, ?, ?, ?, ?)', world, purpose, version, root.version, seal(root.key, key, { world, token: '', field: purpose, version }));
    this.#opened.set(`${world} ${purpose} ${version}`, key);
    return { version, key };
  }

  open(world: number, purpose: KeyRow['purpose'], version: number): Buffer {
    const name = `${world} ${purpose} ${version}`;
    const known = this.#opened.get(name);
    if (known) return known;
    const row = this.store.one<KeyRow>('select * from keys where world = ? and purpose = ? and version = ?', world, purpose, version);
    if (!row) throw new Error(`The ${purpose} ${version} of world ${world} is missing.`);
    const key = unseal(this.root(row.root_version).key, row.sealed, { world, token: '', field: purpose, version });
    this.#opened.set(name, key);
    return key;
  }
}

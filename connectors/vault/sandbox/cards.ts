/** The cards of the vault: kept, opened for a presenter, shredded, checked, and sealed anew. */
import { randomBytes } from 'node:crypto';
import { passesLuhn } from '../../../billing/payment/card_number.ts';
import type { Kept, KeyLevel } from '../vault.ts';
import type { Keyring } from './keys.ts';
import { fingerprintOf, newKey, printOf, seal, unseal } from './sealing.ts';
import type { KeyRow, Row, Store } from './store.ts';

/** So many are sealed anew at once, so that others wait for moments only. */
const PORTION = 200;

export class Cards {
  readonly #store: Store;
  readonly #keys: Keyring;
  constructor(store: Store, keys: Keyring) {
    this.#store = store;
    this.#keys = keys;
  }

  /** `number` is digits only; `at` is in seconds. */
  keep(world: number, number: Uint8Array, at: number): Kept {
    const token = `vlt_${randomBytes(16).toString('hex')}`;
    return this.#store.alone(() => {
      const { data_version } = this.#keys.state()!;
      const world_key = this.#keys.current(world, 'world key');
      const fingerprint = fingerprintOf(this.#keys.current(world, 'fingerprint key').key, number);
      const data_key = newKey();
      this.#store.run(
        'insert into cards (token, world, created, key_version, data_version, sealed_key, number, fingerprint) values (?, ?, ?, ?, ?, ?, ?, ?)',
        token, world, at, world_key.version, data_version,
        seal(world_key.key, data_key, { world, token, field: 'data key', version: world_key.version }), seal(data_key, number, { world, token, field: 'number', version: data_version }), fingerprint,
      );
      data_key.fill(0);
      return { kind: 'kept', token, last4: Buffer.from(number.subarray(-4)).toString('latin1'), fingerprint: fingerprint.toString('base64url') };
    });
  }

  /** The number of a card, to be wiped by whoever asked; null where there is none. */
  open(world: number, token: string): Buffer | null {
    const row = this.#store.one<Row>('select * from cards where token = ? and world = ?', token, world);
    return row ? this.#numberOf(row) : null;
  }

  /** Without its data key nothing opens what may be left of the number elsewhere. */
  shred(world: number, token: string): boolean {
    const gone = this.#store.run('delete from cards where token = ? and world = ?', token, world) > 0;
    if (gone) this.#store.forget();
    return gone;
  }

  list(world: number, until: number): string[] {
    return this.#store.all<{ token: string }>('select token from cards where world = ? and created <= ? order by token', world, until).map((row) => row.token);
  }

  /** Opens every card. One that is not what it says is a finding. */
  check(): { cards: number; findings: string[] } {
    const findings: string[] = [];
    let cards = 0;
    for (let after = ''; ; ) {
      const rows = this.#store.all<Row>('select * from cards where token > ? order by token limit ?', after, PORTION);
      for (const row of rows) {
        const fault = this.#faultOf(row);
        if (fault) findings.push(`${row.token}: ${fault}`);
      }
      cards += rows.length;
      if (rows.length < PORTION) return { cards, findings };
      after = rows.at(-1)!.token;
    }
  }

  #faultOf(row: Row): string | null {
    try {
      const number = this.#numberOf(row);
      const fits = passesLuhn(number) && fingerprintOf(this.#keys.open(row.world, 'fingerprint key', 1), number).equals(row.fingerprint);
      number.fill(0);
      return fits ? null : 'The number is not the one of its fingerprint.';
    } catch (error) {
      return (error as Error).message;
    }
  }

  #dataKeyOf({ world, token, key_version, sealed_key }: Row): Buffer {
    return unseal(this.#keys.open(world, 'world key', key_version), sealed_key, { world, token, field: 'data key', version: key_version });
  }

  #numberOf(row: Row): Buffer {
    const data_key = this.#dataKeyOf(row);
    try {
      return unseal(data_key, row.number, { world: row.world, token: row.token, field: 'number', version: row.data_version });
    } finally {
      data_key.fill(0);
    }
  }

  /** Takes new keys of a level and seals everything anew. It may be ended at any moment: what it has begun is gone on with by the next call, which then begins nothing. */
  rotate(level: KeyLevel): { sealed: number; resumed: boolean } {
    const rotated = { root: () => this.#rotateRoot(), worlds: () => this.#rotateWorlds(), data: () => this.#rotateData() }[level]();
    this.#store.forget();
    return rotated;
  }

  #rotateRoot(): { sealed: number; resumed: boolean } {
    const { file } = this.#keys;
    const resumed = this.#store.alone(() => {
      const roots = file.read();
      const before = this.#keys.root(this.#keys.state()!.root_version);
      const newest = roots.at(-1)!;
      const began = newest.version > before.version;
      const waiting = this.#store.one('select 1 from keys where root_version <> ? limit 1', before.version) !== undefined || roots.length > 1;
      if (!began && waiting) return true;
      // The file has the new key before anything is sealed with it.
      const root = began ? newest : { version: before.version + 1, key: newKey() };
      if (!began) file.add(root);
      this.#store.run('update state set root_version = ?, root_print = ?', root.version, printOf(root.key));
      return began;
    });
    const { root_version } = this.#keys.state()!;
    const sealed = this.#portions(() => {
      const root = this.#keys.root(root_version);
      const rows = this.#store.all<KeyRow>('select * from keys where root_version <> ? limit ?', root_version, PORTION);
      for (const { world, purpose, version } of rows) {
        const bond = { world, token: '', field: purpose, version };
        this.#store.run('update keys set sealed = ?, root_version = ? where world = ? and purpose = ? and version = ?', seal(root.key, this.#keys.open(world, purpose, version), bond), root_version, world, purpose, version);
      }
      return rows.length;
    });
    // Only now does nothing need the old key.
    this.#store.alone(() => file.forgetBefore(root_version));
    return { sealed, resumed };
  }

  #rotateWorlds(): { sealed: number; resumed: boolean } {
    const outdated = `from cards c where key_version < (select max(version) from keys k where k.world = c.world and k.purpose = 'world key')`;
    const superseded = `from keys as k where purpose = 'world key' and version < (select max(version) from keys n where n.world = k.world and n.purpose = 'world key')`;
    const resumed = this.#store.alone(() => {
      if (this.#store.one(`select 1 ${superseded} limit 1`)) return true;
      for (const { world, version } of this.#store.all<KeyRow>(`select * from keys where purpose = 'world key'`)) this.#keys.add(world, 'world key', version + 1);
      return false;
    });
    const sealed = this.#portions(() => {
      const rows = this.#store.all<Row>(`select c.* ${outdated} limit ?`, PORTION);
      for (const row of rows) {
        const { version, key } = this.#keys.current(row.world, 'world key');
        const sealed_key = seal(key, this.#sound(row, () => this.#dataKeyOf(row)), { world: row.world, token: row.token, field: 'data key', version });
        this.#store.run('update cards set sealed_key = ?, key_version = ? where token = ?', sealed_key, version, row.token);
      }
      // In the same step that finds nothing left: nobody seals with an old key any more.
      if (rows.length === 0) this.#store.run(`delete ${superseded}`);
      return rows.length;
    });
    return { sealed, resumed };
  }

  #rotateData(): { sealed: number; resumed: boolean } {
    const resumed = this.#store.alone(() => {
      const { data_version } = this.#keys.state()!;
      if (this.#store.one('select 1 from cards where data_version < ? limit 1', data_version)) return true;
      this.#store.run('update state set data_version = ?', data_version + 1);
      return false;
    });
    const { data_version } = this.#keys.state()!;
    const sealed = this.#portions(() => {
      const rows = this.#store.all<Row>('select * from cards where data_version < ? limit ?', data_version, PORTION);
      for (const row of rows) {
        const { world, token } = row;
        const [number, data_key, world_key] = [this.#sound(row, () => this.#numberOf(row)), newKey(), this.#keys.current(world, 'world key')];
        this.#store.run(
          'update cards set number = ?, data_version = ?, sealed_key = ?, key_version = ? where token = ?',
          seal(data_key, number, { world, token, field: 'number', version: data_version }), data_version,
          seal(world_key.key, data_key, { world, token, field: 'data key', version: world_key.version }), world_key.version, token,
        );
        number.fill(0);
        data_key.fill(0);
      }
      return rows.length;
    });
    return { sealed, resumed };
  }

  /** What does not open stops a rotation: with the old key, what is wrong with it can still be found out. */
  #sound(row: Row, open: () => Buffer): Buffer {
    try {
      return open();
    } catch (error) {
      throw new Error(`The card ${row.token} stands in the way: ${(error as Error).message} Restore the vault from a backup, then rotate again.`);
    }
  }

  /** Portion by portion, each alone, until one is empty. Returns how many there were. */
  #portions(seal: () => number): number {
    for (let sealed = 0; ; ) {
      const portion = this.#store.alone(seal);
      if (portion === 0) return sealed;
      sealed += portion;
    }
  }
}

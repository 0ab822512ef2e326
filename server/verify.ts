/** Looks at all that is stored whether it holds together: the invariants of every world, that every reference leads to a row of the same world, and what the rooms ask of their own. Changes nothing. */
import type { Client } from 'pg';
import { machineClock, type Clock } from './clock.ts';
import type { Audit, World } from './context.ts';
import type { Database } from './database/database.ts';
import type { Tx } from './database/world.ts';
import { invariants, ofTheHouse } from './invariants.ts';
import { brokenSeals } from './ledger/chain.ts';

/** Something that is not as it must be. `invariant` is its short name, `object` the id of what it is about; the world is 0 where it is the installation as a whole. */
export type Finding = { world: number; invariant: string; object: string; sentence: string };

/** How late something may be before it is called late: longer than any worker needs to take it up again after a crash. */
const GRACE_S = 300;

/** No invariant tells more than this many objects. */
const MOST = 1_000;

type Reference = { name: string; child: string; parent: string; columns: string[]; parent_columns: string[] };

/** The foreign keys between tables of the worlds. */
async function references(owner: Client): Promise<Reference[]> {
  const names = (keys: string, table: string) => `(select array_agg(a.attname::text order by k.n) from unnest(${keys}) with ordinality k (num, n) join pg_attribute a on a.attrelid = ${table} and a.attnum = k.num)`;
  const { rows } = await owner.query<Reference>(`
    select c.conname as name, c.conrelid::regclass::text as child, c.confrelid::regclass::text as parent, ${names('c.conkey', 'c.conrelid')} as columns, ${names('c.confkey', 'c.confrelid')} as parent_columns
    from pg_constraint c where c.contype = 'f' and c.connamespace = 'public'::regnamespace and c.confrelid <> 'worlds'::regclass order by 1`);
  return rows.filter((each) => each.parent !== 'accounts');
}

const column = (alias: string, name: string) => `${alias}."${name}"`;

/** I15: what is named exists, in the same world. */
async function orphans(owner: Client, all: readonly Reference[], find: (finding: Omit<Finding, 'world'>) => void): Promise<void> {
  for (const { name, child, parent, columns, parent_columns } of all) {
    if (!columns.includes('world') || columns[parent_columns.indexOf('world')] !== 'world') {
      find({ invariant: 'I15', object: child, sentence: `its reference ${name} to ${parent} may leave the world` });
      continue;
    }
    const own = columns.filter((each) => each !== 'world');
    const join = columns.map((each, n) => `${column('p', parent_columns[n]!)} = ${column('c', each)}`).join(' and ');
    const { rows } = await owner.query<{ object: string }>(`
      select distinct ${own.map((each) => `${column('c', each)}::text`).join(` || ' ' || `)} as object from ${child} c
      where ${own.map((each) => `${column('c', each)} is not null`).join(' and ')} and not exists (select from ${parent} p where ${join}) limit ${MOST}`);
    for (const { object } of rows) find({ invariant: 'I15', object, sentence: `${child} names it in ${own.join(', ')}, and ${parent} does not have it in this world` });
  }
}

/** What is looked at besides the invariants, and how far that has come. */
type Audits = { audits: readonly Audit[]; /** Signs as the server does; without it the signatures of the ledger's seals are not checked. */ sign?: (text: string) => string; /** Is told where a check takes long. */ progress?: (sentence: string) => void };

/** How many things are looked at between two words about it. */
const STRIDE = 10_000;

/** Asks the rooms' own checks, a batch at a time. */
async function audit(owner: Client, world: World, { audits, progress }: Audits, find: (finding: Omit<Finding, 'world'>) => void): Promise<void> {
  const writes = (): never => { throw new Error('A check writes nothing.'); };
  const tx: Tx = { query: owner.query.bind(owner), later: writes };
  for (const { id, things, look } of audits) {
    let [looked, found, told] = [0, 0, 0];
    for await (const batch of look(tx)) {
      looked += batch.looked;
      for (const { object, sentence } of batch.findings) find({ invariant: id, object, sentence });
      found += batch.findings.length;
      if (looked - told >= STRIDE) progress?.(`${world.account} (${world.livemode ? 'live' : 'test'}): ${id}: ${(told = looked).toLocaleString('en')} ${things} so far.`);
      if (found >= MOST) break;
    }
  }
}

/** Verifies one world, in a transaction that sees nothing else and can write nothing. */
async function verifyWorld(owner: Client, world: World, all: readonly Reference[], now: number, more: Audits): Promise<Finding[]> {
  const findings: Finding[] = [];
  const find = (finding: Omit<Finding, 'world'>) => findings.push({ world: world.id, ...finding });
  await owner.query(`begin isolation level repeatable read read only; set local kontor.world = '${world.id}'`);
  try {
    for (const { id, query } of invariants) {
      const timed = query.includes('$1') ? [now, GRACE_S] : [];
      const { rows } = await owner.query<{ object: string; sentence: string }>(`${query} limit ${MOST}`, timed);
      for (const { object, sentence } of rows) find({ invariant: id, object, sentence });
    }
    await orphans(owner, all, find);
    for (const { object, sentence } of await brokenSeals(owner, world, more.sign)) find({ invariant: 'I6', object, sentence });
    await audit(owner, world, more, find);
  } finally {
    await owner.query('rollback');
  }
  return findings;
}

/** Verifies all worlds and says what it finds, a sentence each. */
export async function verify(database: Pick<Database, 'asOwner'>, say: (sentence: string) => void, clock: Clock = machineClock(), more: Audits = { audits: [] }): Promise<Finding[]> {
  return database.asOwner(async (owner) => {
    const { rows: worlds } = await owner.query<World>('select id, account, livemode from worlds order by id');
    const all = await references(owner);
    const findings: Finding[] = [];
    for (const { id, query } of ofTheHouse) {
      const { rows } = await owner.query<{ object: string; sentence: string }>(`${query} limit ${MOST}`, query.includes('$1') ? [clock.now(), GRACE_S] : []);
      for (const { object, sentence } of rows) {
        say(`This installation: ${id}: ${object}: ${sentence}.`);
        findings.push({ world: 0, invariant: id, object, sentence });
      }
    }
    for (const world of worlds) {
      const found = await verifyWorld(owner, world, all, clock.now(), more);
      for (const { invariant, object, sentence } of found) say(`${world.account} (${world.livemode ? 'live' : 'test'}): ${invariant}: ${object}: ${sentence}.`);
      findings.push(...found);
    }
    say(findings.length === 0 ? `${worlds.length} worlds verified: all is as it must be.` : `${findings.length} findings in ${worlds.length} worlds.`);
    return findings;
  });
}

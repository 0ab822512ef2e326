/** The only function that writes: rows, ledger, events with their deliveries, timers and calls of a decision, in the transaction of the context. */
import type { QueryConfig } from 'pg';
import { assert, type Call, type Decision, type Fact, type Posting, type Put, type Timer } from '../billing/decision.ts';
import type { Context, Json } from './context.ts';
import type { Queryable, Tx } from './database/world.ts';
import { jsons, type JsonType } from './database/arrays.ts';
import { arrayText, statementName } from './database/sql.ts';
import { previousAttributes } from './events.ts';
import { assertLanes } from './lanes.ts';
import { NATIVE_VERSION } from './http/versions.ts';
import { ONLY_SNAPSHOTS } from './webhooks/thin.ts';

/** Each table's columns with their types, in the order in which the tables were made: a row's parents come before it. */
export type Columns = Map<string, { order: number; columns: { name: string; type: string }[] }>;

export async function readColumns(tx: Queryable): Promise<Columns> {
  const { rows } = await tx.query<{ table: string; name: string; type: string }>(
    `select c.relname as table, a.attname as name, format_type(a.atttypid, null) as type
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
     order by c.oid, a.attnum`,
  );
  const tables: Columns = new Map();
  for (const { table, name, type } of rows) {
    if (!tables.has(table)) tables.set(table, { order: tables.size, columns: [] });
    // A row's world is that of its transaction, and an entry's position where the database commits it.
    if (name !== 'world' && !(table === 'ledger_entries' && name === 'position')) tables.get(table)!.columns.push({ name, type });
  }
  return tables;
}

type Column = { name: string; type: string };

/** Times travel as Unix seconds. */
const sentType = (type: string) => (type === 'timestamp with time zone' ? 'bigint' : type);
const received = (type: string, expression: string) => (type === 'timestamp with time zone' ? `to_timestamp(${expression})` : expression);

const isJson = (type: string): type is JsonType => type === 'json' || type === 'jsonb';
const jsonText = (value: unknown) => (value === null ? null : JSON.stringify(value));

/** One column of many rows as one parameter, which costs a fraction of a parameter for each value. */
const arrayOf = (values: readonly unknown[], type: string): string | Buffer => (isJson(type) ? jsons(values.map(jsonText), type) : arrayText(values as (string | number | bigint | null)[], true));

/** From so many rows on, what all of them say alike is sent once. How rows are alike changes from one time to the next, so that such a statement is not kept: to read it anew costs less than as many values. */
const MANY = 64;

/** Rows as a table expression, with what says each of their columns in a statement over it. */
type Source = { from: string; columns: readonly string[]; values: unknown[]; kept: boolean };

function sourceOf(columns: readonly Column[], rows: readonly Json[], table: string): Source {
  const values = columns.map(({ name }) => rows.map((row) => row[name]));
  for (const [n, { name }] of columns.entries()) assert(!values[n]!.includes(undefined), `a row of ${table} lacks ${name}`);
  const alike = values.map((all) => all.length >= MANY && all.every((value) => value === all[0]));
  const own = columns.flatMap(({ type }, n) => (alike[n] ? [] : [{ n, array: `$${n + 1}::${sentType(type)}[]` }]));
  return {
    from: `unnest(${own.map(({ array }) => array).join(', ')}) as r (${own.map(({ n }) => `c${n}`).join(', ')})`,
    columns: columns.map(({ type }, n) => received(type, alike[n] ? `$${n + 1}::${sentType(type)}` : `r.c${n}`)),
    values: columns.map(({ type }, n) => (!alike[n] ? arrayOf(values[n]!, type) : isJson(type) ? jsonText(values[n]![0]) : values[n]![0])),
    kept: !alike.includes(true),
  };
}

/** A statement over rows; `more` are the values behind those of the rows. */
const over = ({ values, kept }: Source, text: string, more: readonly unknown[] = []): QueryConfig => ({ ...(kept && { name: statementName(text) }), text, values: [...values, ...more] });

const plain = (text: string, values: unknown[] = []): QueryConfig => ({ name: statementName(text), text, values });

async function run(tx: Tx, statement: QueryConfig): Promise<number> {
  return (await tx.query(statement)).rowCount ?? 0;
}

/** `insert into … select … from unnest(…)`, to which a clause may be added. The world is asked for once, not with every row. */
function insertion(table: string, columns: readonly Column[], source: Source, suffix = ''): string {
  return `insert into ${table} (world, ${columns.map((column) => `"${column.name}"`).join(', ')}) select (select kontor_world()), ${source.columns.join(', ')} from ${source.from}${suffix}`;
}

/** Inserts rows, with what the transaction sends next. */
async function insertAll(ctx: Context, table: string, rows: readonly Json[]): Promise<void> {
  if (rows.length === 0) return;
  const { columns } = ctx.app.columns.get(table)!;
  const source = sourceOf(columns, rows, table);
  ctx.tx.later(over(source, insertion(table, columns, source)));
}

/** Updates the columns in which at least one row changed. */
async function updateAll(ctx: Context, table: string, puts: readonly Put[]): Promise<void> {
  const changed = ctx.app.columns.get(table)!.columns.filter((column) => puts.some((put) => put.before![column.name] !== put.after![column.name]));
  if (changed.length === 0) return;
  const source = sourceOf([{ name: 'id', type: 'text' }, ...changed], puts.map((put) => put.after!), table);
  const assignments = changed.map((column, n) => `"${column.name}" = ${source.columns[n + 1]}`).join(', ');
  const count = await run(ctx.tx, over(source, `update ${table} t set ${assignments} from ${source.from} where t.id = r.c0`));
  assert(count === puts.length, `${puts.length} rows of ${table} were to be updated, ${count} were`);
}

async function deleteAll(ctx: Context, table: string, rows: readonly { id: string }[]): Promise<void> {
  if (rows.length === 0) return;
  const count = await run(ctx.tx, plain(`delete from ${table} where id = any($1::text[])`, [rows.map((row) => row.id)]));
  assert(count === rows.length, `${rows.length} rows of ${table} were to be removed, ${count} were`);
}

/** Several puts of one row become one: from the first one's before to the last one's after. */
function merged(puts: readonly Put[]): Put[] {
  const byId = new Map<string, Put>();
  for (const put of puts) {
    const { id } = (put.after ?? put.before)!;
    const earlier = byId.get(id);
    byId.set(id, earlier ? { table: put.table, before: earlier.before, after: put.after } : put);
  }
  return [...byId.values()].filter((put) => put.before !== null || put.after !== null);
}

function writeRows(ctx: Context, puts: readonly Put[]): Promise<void>[] {
  const tables = Map.groupBy(puts, (put) => put.table);
  const ordered = [...tables.keys()].sort((a, b) => ctx.app.columns.get(a)!.order - ctx.app.columns.get(b)!.order);
  const groups = new Map(ordered.map((table) => [table, merged(tables.get(table)!)]));
  // Children go before their parents, parents come before their children.
  return [
    ...ordered.toReversed().map((table) => deleteAll(ctx, table, groups.get(table)!.filter((put) => put.after === null).map((put) => put.before!))),
    ...ordered.flatMap((table) => [
      insertAll(ctx, table, groups.get(table)!.filter((put) => put.before === null).map((put) => put.after!)),
      updateAll(ctx, table, groups.get(table)!.filter((put) => put.before !== null && put.after !== null)),
    ]),
  ];
}

/** Legs of one transaction on one account, and of one line, become one leg; what remains must balance per currency. The name of a leg is its transaction's with its number: a transaction is written once. */
async function post(ctx: Context, postings: readonly Posting[]): Promise<void> {
  const legs = new Map<string, Posting>();
  const sums = new Map<string, bigint>();
  for (const posting of postings) {
    const { transaction, ledger_account, currency, line, processor } = posting;
    const key = [transaction, ledger_account, currency, line, processor].join('\0');
    const leg = legs.get(key);
    legs.set(key, leg ? { ...leg, amount: leg.amount + posting.amount } : posting);
    const balance = `${transaction}\0${currency}`;
    sums.set(balance, (sums.get(balance) ?? 0n) + posting.amount);
  }
  for (const [balance, sum] of sums) assert(sum === 0n, `the ledger transaction ${balance.replace('\0', ' ')} is out of balance by ${sum}`);
  const written = new Map<string, number>();
  const entries = [...legs.values()].filter((leg) => leg.amount !== 0n).map((leg) => {
    const n = written.get(leg.transaction) ?? 0;
    written.set(leg.transaction, n + 1);
    return { line: null, period_start: null, period_end: null, processor: null, ...leg, id: `${leg.transaction}/${n}` };
  });
  await insertAll(ctx, 'ledger_entries', entries);
}

/** Writes the events, and a delivery for each enabled endpoint that wants them. */
async function tell(ctx: Context, facts: readonly Fact[]): Promise<void> {
  const rows: Json[] = [];
  const cause = ctx.request ?? ctx.cause;
  for (const fact of facts) {
    const resource = ctx.app.register.resources.get(fact.object);
    assert(resource, `no room renders ${fact.object}`);
    const object = resource.render(fact.whole, ctx.world);
    const previous = fact.before ? previousAttributes(resource.render(fact.before, ctx.world), object) : null;
    if (fact.before && !previous) continue;
    rows.push({
      id: ctx.app.clock.newId('evt'),
      type: fact.type,
      created: fact.at,
      object_id: (object.id as string | undefined) ?? null,
      api_version: NATIVE_VERSION,
      data: object,
      previous_attributes: previous,
      request_id: cause?.id ?? null,
      idempotency_key: cause?.idempotency_key ?? null,
    });
  }
  if (rows.length === 0) return;
  await insertAll(ctx, 'events', rows);
  ctx.tx.later(plain(DELIVERIES, [arrayText(rows.map((row) => row.id as string)), arrayText(rows.map((row) => row.type as string)), ctx.app.clock.now()]));
}

/** For each event, given by its id and type. The endpoints are looked at first: most worlds have none or few. */
const DELIVERIES = `
  insert into webhook_deliveries (id, event, webhook_endpoint, state, created, due_from, attempts, next_at)
  select 'whd_' || substr(told.id, 5) || substr(e.id, 4), told.id, e.id, 'pending', to_timestamp($3::bigint), to_timestamp($3::bigint), 0, to_timestamp($3::bigint)
  from webhook_endpoints e cross join lateral unnest($1::text[], $2::text[]) as told (id, type)
  where e.status = 'enabled' and case when e.thin
    then told.type not like 'kontor.%' and told.type <> all(array[${ONLY_SNAPSHOTS.map((type) => `'${type}'`).join(', ')}]) and e.enabled_events ?| array['*', 'v1.' || told.type]
    else e.enabled_events ?| array['*', told.type] end`;

const TIMER_COLUMNS: Column[] = [
  { name: 'kind', type: 'text' },
  { name: 'subject', type: 'text' },
  { name: 'at', type: 'timestamp with time zone' },
  { name: 'lane', type: 'text' },
  { name: 'test_clock', type: 'text' },
];

/** The last word on a kind and subject counts. */
async function setTimers(ctx: Context, timers: readonly Timer[]): Promise<void> {
  const last = [...new Map(timers.map((timer) => [`${timer.kind}\0${timer.subject}`, timer])).values()];
  assertLanes(ctx.tx, last);
  const set = last.filter((timer) => timer.at !== null && !timer.kept);
  const kept = last.filter((timer) => timer.kept);
  const cleared = last.filter((timer) => timer.at === null);
  const insert = (rows: readonly Json[], conflict: string) => {
    const source = sourceOf(TIMER_COLUMNS, rows, 'timers');
    ctx.tx.later(over(source, insertion('timers', TIMER_COLUMNS, source, ` on conflict (world, kind, subject) do ${conflict}`)));
  };
  if (set.length > 0) insert(set, 'update set at = excluded.at, lane = excluded.lane, test_clock = excluded.test_clock, failures = 0, error = null');
  if (kept.length > 0) insert(kept, 'nothing');
  if (cleared.length > 0) {
    const text = 'delete from timers t using unnest($1::text[], $2::text[]) as r (kind, subject) where t.kind = r.kind and t.subject = r.subject';
    ctx.tx.later(plain(text, [cleared.map((timer) => timer.kind), cleared.map((timer) => timer.subject)]));
  }
}

/** Whoever writes a call makes it, right after the commit. Only what is still open after this time is taken by the worker: then its writer has died. */
const GRACE_S = 10;

async function writeCalls(ctx: Context, calls: readonly Call[]): Promise<void> {
  const now = ctx.app.clock.now();
  const rows = calls.map((call) => ({ ...call, state: 'pending', answer: null, attempts: 0, next_at: now + GRACE_S, created: now, begun: null }));
  await insertAll(ctx, 'calls', rows);
  ctx.calls.push(...calls.map((call) => call.id));
}

/**
 * Makes a decision true. The transaction's commit, by whoever opened it, is the moment from which it holds. The statements are sent one behind the other without waiting. Those that change or remove rows are answered when
 * this returns; what is new goes out with what the transaction sends next, and where it fails, the transaction does.
 */
export async function commit(ctx: Context, decision: Decision): Promise<void> {
  const { puts, postings, facts, timers, calls } = decision;
  await Promise.all([...writeRows(ctx, puts), post(ctx, postings), tell(ctx, facts), setTimers(ctx, timers), writeCalls(ctx, calls)]);
}

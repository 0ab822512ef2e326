/** SQL as a template: values become parameters, fragments nest. */
import type { Queryable, Tx } from './world.ts';

export class Sql {
  readonly strings: readonly string[];
  readonly values: readonly unknown[];
  constructor(strings: readonly string[], values: readonly unknown[]) {
    this.strings = strings;
    this.values = values;
  }
}

/** ``sql`select … where id = ${id} and ${condition}` ``: a value becomes `$n`, a nested fragment is put in its place. */
export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  return new Sql(strings, values);
}

/** A name that was written by us, never by a caller: a table, a column. */
export function raw(text: string): Sql {
  return new Sql([text], []);
}

/** Fragments joined by a separator, e.g. conditions by ` and `. */
export function join(parts: readonly Sql[], separator: string): Sql {
  return new Sql(['', ...parts.slice(1).map(() => separator), ''], parts);
}

function flatten(fragment: Sql, text: string[], values: unknown[]): void {
  fragment.strings.forEach((string, n) => {
    text.push(string);
    if (n >= fragment.values.length) return;
    const value = fragment.values[n];
    if (value instanceof Sql) flatten(value, text, values);
    else text.push(`$${values.push(value)}`);
  });
}

/**
 * Statements are prepared once per connection, under a name for each distinct text. Each costs memory on each connection, and callers choose which columns an update changes: past so many
 * texts, the rest go without a name.
 */
const MOST_NAMES = 2_000;
const names = new Map<string, string>();

export function statementName(text: string): string | undefined {
  let name = names.get(text);
  if (!name && names.size < MOST_NAMES) names.set(text, (name = `k${names.size}`));
  return name;
}

function statement(fragment: Sql): { name: string | undefined; text: string; values: unknown[] } {
  const parts: string[] = [];
  const values: unknown[] = [];
  flatten(fragment, parts, values);
  const text = parts.join('');
  return { name: statementName(text), text, values };
}

/** All rows of a query, typed by the caller who knows the table. */
export async function rows<Row extends object>(tx: Queryable, fragment: Sql): Promise<Row[]> {
  return (await tx.query<Row>(statement(fragment))).rows;
}

/** The first row of a query, or undefined. */
export async function row<Row extends object>(tx: Queryable, fragment: Sql): Promise<Row | undefined> {
  return (await rows<Row>(tx, fragment))[0];
}

/** Rows of a table by their ids, in that order; what does not exist is left out. `lock` keeps others from changing them until the transaction ends. */
export async function rowsById<Row extends object>(tx: Queryable, table: string, ids: readonly string[], lock = false): Promise<Row[]> {
  return ids.length === 0 ? [] : rows<Row>(tx, sql`select * from ${raw(table)} where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}

/** What ids name, by id, each loaded once. */
export async function mapById<Thing extends { id: string }>(ids: readonly string[], load: (ids: string[]) => Promise<Thing[]>): Promise<Map<string, Thing>> {
  return new Map(ids.length === 0 ? [] : (await load([...new Set(ids)])).map((thing) => [thing.id, thing]));
}

/** Sends a statement whose result nobody waits for; where it fails, the transaction fails at its end. */
export function later(tx: Tx, fragment: Sql): void {
  tx.later(statement(fragment));
}

/**
 * Values of one column of many rows as PostgreSQL's array text, which costs a fraction of a parameter for each value. Numbers and ids need no quotes; whatever a caller chose does (`free`).
 */
export function arrayText(values: readonly (string | number | bigint | null)[], free = false): string {
  if (!free) return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
  let text = '';
  let [last, quoted]: [unknown, string] = [undefined, ''];
  for (const value of values) {
    // Columns often say the same in all rows.
    if (value !== last) [last, quoted] = [value, value === null ? ',NULL' : `,"${/["\\]/.test(value as string) ? (value as string).replace(/["\\]/g, '\\$&') : value}"`];
    text += quoted;
  }
  return `{${text.slice(1)}}`;
}

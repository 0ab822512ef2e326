/** Lists: newest first, by cursors that are ids of the listed objects. */
import { assert, refuse } from '../billing/decision.ts';
import type { Context, Json } from './context.ts';
import { join, raw, row, rows, sql, type Sql } from './database/sql.ts';
import { missing } from './http/errors.ts';
import type { Range } from './http/params.ts';

export type Page = { limit: number; starting_after?: string; ending_before?: string } & { /** Where the list is of what belongs to something: that one. */ [parent in keyof typeof PARENTS]?: string };

/** What a list may be of, with its table and its name in a sentence. */
const PARENTS = { customer: ['customers', 'customer'], definition: ['outcome_definitions', 'outcome definition'], invoice: ['invoices', 'invoice'], meter: ['meters', 'meter'], subscription: ['subscriptions', 'subscription'] } as const;

/** Conditions for a `created`-like filter: an instant, or bounds. */
export function within(column: string, range: Range | undefined): Sql[] {
  if (range === undefined) return [];
  const bounds = typeof range === 'number' ? { gte: range, lte: range } : range;
  const operators = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;
  return Object.entries(bounds)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => sql`${raw(column)} ${raw(operators[name as keyof typeof operators])} to_timestamp(${value}::bigint)`);
}

/** `column = value` where a value was given; null asks for the absence of one. */
export function equal(column: string, value: unknown): Sql[] {
  if (value === undefined) return [];
  return value === null ? [sql`${raw(column)} is null`] : [sql`${raw(column)} = ${value}`];
}

/**
 * `column = 'value'` with the value as a part of the statement, where there are few rows of some values and many of others: PostgreSQL plans without knowing its parameters, and would look through all of them. Values are names of
 * ours, as of a `choice`.
 */
export function named(column: string, value: string | undefined): Sql[] {
  if (value === undefined) return [];
  assert(/^[a-z_]+$/.test(value), `${value} is no name of ours.`);
  return [sql`${raw(column)} = '${raw(value)}'`];
}

/** One page of what is at hand as a whole, in its order. */
export function slice<T extends { id: string }>(all: readonly T[], kind: string, { limit, starting_after, ending_before }: Page): { data: T[]; has_more: boolean } {
  const cursor = starting_after ?? ending_before;
  const at = cursor === undefined ? -1 : all.findIndex((each) => each.id === cursor);
  if (cursor !== undefined && at < 0) missing(kind, cursor, starting_after === undefined ? 'ending_before' : 'starting_after');
  const [from, to] = ending_before === undefined ? [at + 1, at + 1 + limit] : [Math.max(0, at - limit), at];
  return { data: all.slice(from, to), has_more: ending_before === undefined ? to < all.length : from > 0 };
}

/** No page has more. */
const MOST = 100;

/**
 * The first `count` rows of an ordered query. The most that a page can have is said as a number beside it: of a limit that it does not know when it plans, PostgreSQL takes it that a tenth of the table is wanted, and
 * rather sorts all of it than follow an index.
 */
export const first = (ordered: Sql, count: number): Sql => sql`select * from (${ordered} limit ${raw(String(MOST + 1))}) page limit ${count}`;

/** What comes before or after a row in the order of the list. The values are compared one by one with those of an index, where a row that is looked up as a whole would be compared with every row. */
export const beyond = (table: string, created: Sql, id: string, side: '<' | '>'): Sql => sql`(${created}, id) ${raw(side)} ((select ${created} from ${raw(table)} where id = ${id}), ${id})`;

/** When an object was created that is deleted since, as its deletion was told: whoever deletes what a list names goes on from there. Undefined where nothing was told. */
async function createdOfDeleted(ctx: Context, id: string): Promise<bigint | undefined> {
  const told = await row<{ created: bigint | null }>(ctx.tx, sql`select coalesce(data ->> 'created', data ->> 'date')::bigint as created from events where object_id = ${id} and type like '%.deleted' order by id desc limit 1`);
  return told?.created ?? undefined;
}

/**
 * One page of a table's rows that fulfil all conditions, newest first, and whether there are more in the direction of travel.
 * The cursor need not fulfil the conditions itself, but must exist in this world, or have existed, and so must whatever it is the list of.
 */
export async function page<Row extends { id: string }>(ctx: Context, table: string, kind: string, conditions: readonly Sql[], { limit, starting_after, ending_before, ...parents }: Page, order: { created?: string } = {}): Promise<{ data: Row[]; has_more: boolean }> {
  if (starting_after !== undefined && ending_before !== undefined) refuse('parameters_exclusive', 'Give only one of `starting_after` and `ending_before`.', 'ending_before');
  const created = raw(order.created ?? 'created');
  const cursor = starting_after ?? ending_before;
  // Some tables are also looked at over all worlds: see database/world.ts.
  const all = [sql`world = kontor_world()`, ...conditions];
  if (cursor !== undefined) {
    const side = starting_after === undefined ? '>' : '<';
    const at = await row<{ id: string }>(ctx.tx, sql`select id from ${raw(table)} where id = ${cursor}`);
    const deleted = at || order.created !== undefined ? undefined : await createdOfDeleted(ctx, cursor);
    if (!at && deleted === undefined) missing(kind, cursor, starting_after === undefined ? 'ending_before' : 'starting_after');
    all.push(deleted === undefined ? beyond(table, created, cursor, side) : sql`(${created}, id) ${raw(side)} (to_timestamp(${deleted}::bigint), ${cursor})`);
  }
  const direction = raw(ending_before === undefined ? 'desc' : 'asc');
  const found = await rows<Row>(ctx.tx, first(sql`select * from ${raw(table)} where ${join(all, ' and ')} order by ${created} ${direction}, id ${direction}`, limit + 1));
  if (found.length === 0) await assertParents(ctx, parents);
  const data = found.slice(0, limit);
  return { data: ending_before === undefined ? data : data.reverse(), has_more: found.length > limit };
}

async function assertParents(ctx: Context, parents: Omit<Page, 'limit' | 'starting_after' | 'ending_before'>): Promise<void> {
  for (const [param, [table, kind]] of Object.entries(PARENTS)) {
    const id = parents[param as keyof typeof PARENTS];
    if (typeof id === 'string' && !(await row(ctx.tx, sql`select id from ${raw(table)} where id = ${id}`))) missing(kind, id, param);
  }
}

/** A list on the wire. */
export function renderList(url: string, data: readonly Json[], has_more = false): Json {
  return { object: 'list', data, has_more, url };
}

/** How many objects a list inside an object holds. */
const INSIDE = 10;

/** A list inside each of these objects of what is its own by the column `owner`, as a request of its own would begin it. The room that renders it is found by the objects' name. */
export const listInside = (object: string, { table, owner, url, condition = raw('true') }: { table: string; owner: string; url: (id: string) => string; condition?: Sql }) =>
  async (ctx: Context, owners: readonly string[]): Promise<Map<string, Json>> => {
    const newest = await rows<{ id: string; owner: string }>(
      ctx.tx,
      sql`select id, owner from (
            select id, ${raw(owner)} as owner, row_number() over (partition by ${raw(owner)} order by created desc, id desc) as place
            from ${raw(table)} where ${raw(owner)} = any(${owners}::text[]) and ${condition}) newest
          where place <= ${INSIDE + 1} order by owner, place`,
    );
    const resource = ctx.app.register.resources.get(object);
    const wholes: { id: string }[] = (await resource?.load?.(ctx, newest.map(({ id }) => id))) ?? [];
    const rendered = new Map(wholes.map((whole) => [whole.id, resource!.render(whole, ctx.world)]));
    const ids = Map.groupBy(newest, (each) => each.owner);
    return new Map(owners.map((id) => {
      const of = ids.get(id) ?? [];
      return [id, renderList(url(id), of.slice(0, INSIDE).map((each) => rendered.get(each.id)!), of.length > INSIDE)];
    }));
  };

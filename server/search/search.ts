/**
 * `GET /v1/…/search`: what a query finds, newest first. What was written is found at once.
 *
 * A search by text reads the rows of the world from the newest on until a page is full. No index of trigrams or of lower-cased texts would help: under row-level security PostgreSQL uses an index for nothing that could tell of another
 * world's rows by its errors, as `ilike` and `lower` could.
 */
import { refuse } from '../../billing/decision.ts';
import type { Context, Json, Resource } from '../context.ts';
import { raw, row, rows, sql, type Sql } from '../database/sql.ts';
import { byDefault, fields, integer, required, text, type Params } from '../http/params.ts';
import { get, type Route } from '../http/route.ts';
import { beyond, first } from '../lists.ts';
import { conditionOf, type Fields } from './query.ts';

const searchParams = fields({ limit: byDefault(integer({ min: 1, max: 100 }), 10), page: text({ max: 100 }), query: required(text({ max: 5_000 })) });

/** A result says how many there are up to so many. */
const MOST_COUNTED = 10_000;

/** The result is no object of anybody's; its count, which Stripe leaves out unless it is expanded, is always there. */
export const searchResult: Resource = { object: 'search_result', prefix: '', render: () => ({}), expands: { total_count: 'search_result' } };

const pageAfter = (id: string) => Buffer.from(id).toString('base64url');

const isThere = async (ctx: Context, table: string, id: string): Promise<boolean> => /^[a-z]+_[A-Za-z0-9_]+$/.test(id) && (await row(ctx.tx, sql`select id from ${raw(table)} where id = ${id}`)) !== undefined;

async function countOf(ctx: Context, table: string, found: Sql): Promise<number> {
  return Number((await row<{ count: bigint }>(ctx.tx, sql`select count(*) as count from (select from ${raw(table)} where ${found} limit ${raw(String(MOST_COUNTED))}) f`))!.count);
}

/** A search of a table's rows, for whose resource `object` is the name. `among` are the rows that exist for whoever asks. */
export function searchable(path: string, object: string, table: string, fieldsOf: Fields, among = 'true'): Route {
  async function run(ctx: Context, { limit, page, query }: Params<typeof searchParams>): Promise<Json> {
    const found = sql`${raw(among)} and ${conditionOf(query, fieldsOf)}`;
    const last = page === undefined ? null : Buffer.from(page, 'base64url').toString();
    if (last !== null && !(await isThere(ctx, table, last))) refuse(undefined, 'This is no page of a search: give the `next_page` of the result before.', 'page');
    const after = last === null ? sql`` : sql` and ${beyond(table, sql`created`, last, '<')}`;
    const ids = (await rows<{ id: string }>(ctx.tx, first(sql`select id from ${raw(table)} where ${found}${after} order by created desc, id desc`, limit + 1))).map(({ id }) => id);
    // What fits into the first page is counted.
    const count = last === null && ids.length <= limit ? ids.length : await countOf(ctx, table, found);
    const resource: Resource<{ id: string }> = ctx.app.register.resources.get(object)!;
    const wholes = new Map((await resource.load!(ctx, ids.slice(0, limit))).map((whole) => [whole.id, whole]));
    const has_more = ids.length > limit;
    return { object: 'search_result', data: ids.slice(0, limit).map((id) => resource.render(wholes.get(id)!, ctx.world)), has_more, next_page: has_more ? pageAfter(ids[limit - 1]!) : null, total_count: count, url: path };
  }
  return get(path, searchParams, run);
}

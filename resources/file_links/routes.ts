/** Addresses at which a file can be seen without a key: whoever has the address sees it, until its time is over. */
import type Stripe from 'stripe';
import { decision, refuse } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type App, type Context, type Json, type PageAnswer, type Room } from '../../server/context.ts';
import { raw, sql } from '../../server/database/sql.ts';
import { inWorld } from '../../server/database/world.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { boolean, choice, clearable, fields, id, listParams, metadata, oneOf, range, required, timestamp, type Params } from '../../server/http/params.ts';
import { page as pageOf } from '../../server/http/pages.ts';
import { get, post } from '../../server/http/route.ts';
import { isSecret } from '../../server/http/secrets.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { filesById, fileWithContents, MEDIA_TYPES } from '../files/rows.ts';
import { fileLink, renderFileLink } from './resource.ts';
import { fileLinksById, hasExpired, placed, worldOfLink, type FileLinkRow } from './rows.ts';

const createFileLink = fields({ expires_at: timestamp(), file: required(id('file')), metadata: metadata() });
covers<Stripe.FileLinkCreateParams, typeof createFileLink>(true);
agrees<Stripe.FileLinkCreateParams, typeof createFileLink>(true);

const updateFileLink = fields({ expires_at: clearable(oneOf(choice('now'), timestamp())), metadata: metadata() });
covers<Stripe.FileLinkUpdateParams, typeof updateFileLink>(true);
agrees<Stripe.FileLinkUpdateParams, typeof updateFileLink>(true);

const listFileLinks = listParams({ created: range(), expired: boolean(), file: id('file') });
covers<Stripe.FileLinkListParams, typeof listFileLinks>(true);
agrees<Stripe.FileLinkListParams, typeof listFileLinks>(true);

const nothing = fields({});
covers<Stripe.FileLinkRetrieveParams, typeof nothing>(true);

type Path = { link: string };

const rendered = (ctx: Context, link: FileLinkRow): Json => renderFileLink(placed(ctx, link), ctx.world);

function refusePast(expires_at: number | null, now: number): void {
  if (hasExpired({ expires_at }, now)) refuse(undefined, 'A link ends in the future: give `expires_at` as a later moment.', 'expires_at');
}

async function create(ctx: Context, given: Params<typeof createFileLink>): Promise<Json> {
  const [file] = await filesById(ctx.tx, [given.file]);
  if (!file) missing('file', given.file, 'file');
  const { now, newId, newSecret } = realMoment(ctx.app);
  const link: FileLinkRow = { id: newId('link'), created: now, file: file.id, secret: newSecret(40), expires_at: given.expires_at ?? null, metadata: mergeMetadata({}, given.metadata) };
  refusePast(link.expires_at, now);
  await commit(ctx, { ...decision(), puts: [{ table: 'file_links', before: null, after: link }] });
  return rendered(ctx, link);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await fileLinksById(ctx.tx, [path.link]);
  return rendered(ctx, found ?? missing('file_link', path.link));
}

/** One whose time is over stays as it is: whoever was given its address was told so. */
async function update(ctx: Context, given: Params<typeof updateFileLink>, path: Path): Promise<Json> {
  const [before] = await fileLinksById(ctx.tx, [path.link], true);
  if (!before) missing('file_link', path.link);
  const { now } = realMoment(ctx.app);
  if (hasExpired(before, now)) refuse(undefined, `The link ${before.id} has expired, and cannot be changed any more. Make another one of the file ${before.file}.`);
  const expires_at = given.expires_at === undefined ? before.expires_at : given.expires_at === 'now' ? now : given.expires_at;
  if (given.expires_at !== 'now') refusePast(expires_at, now);
  const after: FileLinkRow = { ...before, expires_at, metadata: mergeMetadata(before.metadata, given.metadata) };
  await commit(ctx, { ...decision(), puts: [{ table: 'file_links', before, after }] });
  return rendered(ctx, after);
}

async function list(ctx: Context, { file, created, expired, ...given }: Params<typeof listFileLinks>): Promise<Json> {
  const over = expired === undefined ? [] : [sql`coalesce(expires_at <= to_timestamp(${ctx.app.clock.now()}::bigint), false) = ${raw(String(expired))}`];
  const { data, has_more } = await page<FileLinkRow>(ctx, 'file_links', 'file_link', [...equal('file', file), ...within('created', created), ...over], given);
  return renderList('/v1/file_links', data.map((each) => rendered(ctx, each)), has_more);
}

const GONE: PageAnswer = { status: 404, html: pageOf('# There is no file here\n\nThe link has ended, or is not complete. Ask whoever has sent it to you for another one.') };

/** The file, to whoever has the address. */
async function show(app: App, path: Record<string, string>): Promise<PageAnswer> {
  const { link: name, secret } = path as { link: string; secret: string };
  const world = await worldOfLink(app, name);
  if (!world) return GONE;
  return inWorld(app.database.pool, world, async (tx) => {
    const [link] = await fileLinksById(tx, [name]);
    if (!link || !isSecret(secret, link.secret) || hasExpired(link, app.clock.now())) return GONE;
    const { bytes, type, filename } = (await fileWithContents(tx, link.file))!;
    return { file: { bytes, filename, type: MEDIA_TYPES[type] } };
  });
}

export const fileLinks: Room = {
  resources: [fileLink],
  routes: [
    post('/v1/file_links', createFileLink, create),
    get('/v1/file_links', listFileLinks, list),
    get('/v1/file_links/:link', nothing, retrieve),
    post('/v1/file_links/:link', updateFileLink, update),
  ],
  pages: [{ method: 'GET', path: '/links/:link/:secret', serve: show }],
};

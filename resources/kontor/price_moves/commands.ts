import { refuse, together, type Instant, type Moment } from '../../../billing/decision.ts';
import { applyEntry, failed, planEntry, skipped, type EntryFacts } from '../../../billing/price_move/entry.ts';
import { advanceMove, cancelMove, draftMove, planMove, startMove } from '../../../billing/price_move/move.ts';
import type { PriceMoveEntryRow, PriceMoveRow } from '../../../billing/price_move/price_move.ts';
import type { PriceAsked } from '../../../billing/subscription/items.ts';
import type { SubscriptionFacts } from '../../../billing/subscription/subscription.ts';
import { commit } from '../../../server/commit.ts';
import { momentAt, realMoment, type Context, type Json } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import type { Params } from '../../../server/http/params.ts';
import { equal, page, renderList } from '../../../server/lists.ts';
import { lockLanes } from '../../../server/lanes.ts';
import { told } from '../../../server/log.ts';
import { customersById } from '../../customers/rows.ts';
import { pricesById } from '../../prices/rows.ts';
import { productsById } from '../../products/rows.ts';
import { factsOf, lockAll, ownersOf, subscriptionsById } from '../../subscriptions/rows.ts';
import { MOST_ENTRIES } from './params.ts';
import type * as params from './params.ts';
import { renderEntry, renderMove } from './resource.ts';
import { holdCustomers, movesById, nextEntries, subscribersOf, timesOf, wholeMoves } from './rows.ts';

/** So many subscriptions are read at once by a dry run. */
const READ = 500;
/** So many are moved in one transaction, whose customers wait for its end. */
const BATCH = 100;

type Path = { price_move: string };
type Found = { facts: SubscriptionFacts; moment: Moment };

/** Subscriptions with all that their change reads, each at its own time. `lock` keeps clocks, customers and subscriptions as they are until the transaction ends. */
async function readAll(ctx: Context, ids: readonly string[], lock: boolean): Promise<Found[]> {
  const owners = await ownersOf(ctx.tx, ids);
  const customerIds = [...new Set(owners.map((each) => each.customer))];
  const times = await timesOf(ctx.tx, [...new Set(owners.flatMap((each) => each.test_clock ?? []))], lock);
  const { subscriptions, customers } = lock ? await lockAll(ctx, ids) : { subscriptions: await subscriptionsById(ctx.tx, ids), customers: await customersById(ctx.tx, customerIds) };
  const { now } = realMoment(ctx.app);
  const at = ({ test_clock }: { test_clock: string | null }): Instant => (test_clock === null ? now : times.get(test_clock)!);
  const facts = await factsOf(ctx, subscriptions, customers, at);
  return facts.map((each) => ({ facts: each, moment: momentAt(ctx, at(each.subscription)) }));
}

/** The price that subscriptions go to, with whether its product is sold. */
async function askedPrice(ctx: Context, id: string): Promise<PriceAsked> {
  const [terms] = await pricesById(ctx.tx, [id]);
  if (!terms) return missing('price', id, 'to_price');
  const [product] = await productsById(ctx.tx, [terms.product]);
  return { param: 'to_price', terms, product_name: product!.name, product_active: product!.active && !product!.deleted };
}

/** Which subscriptions the plan is about. One that is named must be there and have the price. */
async function chosen(ctx: Context, { from_price, subscriptions: named, limit = MOST_ENTRIES }: Params<typeof params.createMove>): Promise<{ subscriptions: string[]; left_out: number }> {
  const found = await subscribersOf(ctx.tx, from_price, named, limit);
  const having = new Set(found.subscriptions);
  const absent = named?.findIndex((id) => !having.has(id)) ?? -1;
  if (named === undefined || absent === -1) return found;
  const param = `subscriptions[${absent}]`;
  const [there] = await ownersOf(ctx.tx, [named[absent]!]);
  return there ? refuse(undefined, `The subscription ${there.id} has ended, or has no item with the price ${from_price}.`, param) : missing('subscription', named[absent]!, param);
}

async function dryRun(ctx: Context, move: PriceMoveRow, price: PriceAsked, subscriptions: readonly string[]): Promise<PriceMoveEntryRow[]> {
  const entries: PriceMoveEntryRow[] = [];
  for (let from = 0; from < subscriptions.length; from += READ) {
    const found = await readAll(ctx, subscriptions.slice(from, from + READ), false);
    entries.push(...found.flatMap(({ facts, moment }) => planEntry(move, { facts, price }, moment) ?? []));
  }
  return entries;
}

export async function create(ctx: Context, given: Params<typeof params.createMove>): Promise<Json> {
  const [from] = await pricesById(ctx.tx, [given.from_price]);
  if (!from) return missing('price', given.from_price, 'from_price');
  const price = await askedPrice(ctx, given.to_price);
  const move = draftMove({ from, to: price, proration_behavior: given.proration_behavior ?? 'none', when: given.when }, realMoment(ctx.app));
  const { subscriptions, left_out } = await chosen(ctx, given);
  const entries = await dryRun(ctx, move, price, subscriptions);
  const planned = planMove(move, entries, left_out);
  await holdCustomers(ctx.tx, [...new Set(entries.map((entry) => entry.customer))]);
  await commit(ctx, planned);
  return rendered(ctx, planned.move);
}

async function rendered(ctx: Context, move: PriceMoveRow): Promise<Json> {
  const [whole] = await wholeMoves(ctx.tx, [move]);
  return renderMove(whole!, ctx.world);
}

async function lockMove(ctx: Context, { price_move }: Path): Promise<PriceMoveRow> {
  lockLanes(ctx.tx, [price_move]);
  const [move] = await movesById(ctx.tx, [price_move], true);
  return move ?? missing('price move', price_move);
}

export async function apply(ctx: Context, _given: object, path: Path): Promise<Json> {
  const started = startMove(await lockMove(ctx, path), realMoment(ctx.app));
  await commit(ctx, started);
  return rendered(ctx, started.move);
}

export async function cancel(ctx: Context, _given: object, path: Path): Promise<Json> {
  const move = await lockMove(ctx, path);
  const [whole] = await wholeMoves(ctx.tx, [move]);
  const canceled = cancelMove(move, whole!.progress.scheduled, realMoment(ctx.app));
  await commit(ctx, canceled);
  return rendered(ctx, canceled.move);
}

/** One entry of a batch. Our own mistake about one subscription does not stop the others. */
function decide(ctx: Context, move: PriceMoveRow, entry: PriceMoveEntryRow, found: EntryFacts | undefined, moment: Moment) {
  if (found === undefined) return { entry: skipped(entry, 'The subscription is not there any more.') };
  try {
    return applyEntry(move, entry, found, moment);
  } catch (error) {
    ctx.app.log.error('A subscription could not be moved to another price.', { world: ctx.world.id, price_move: move.id, subscription: entry.subscription, ...told(error) });
    return { entry: failed(entry) };
  }
}

/**
 * Moves the next batch of a plan and sets the timer of the one after it. All of that is one transaction: where it is killed, the timer is still there and nothing has been moved, so that each
 * subscription moves once.
 */
async function applyBatch(ctx: Context, id: string): Promise<void> {
  const [move] = await movesById(ctx.tx, [id], true);
  if (move?.status !== 'applying') return;
  const entries = await nextEntries(ctx.tx, id, BATCH);
  const read = new Map((await readAll(ctx, entries.map((entry) => entry.subscription), true)).map((each) => [each.facts.subscription.id, each]));
  const price = await askedPrice(ctx, move.to_price);
  const now = realMoment(ctx.app);
  const moved = entries.map((before) => {
    const found = read.get(before.subscription);
    const decided = decide(ctx, move, before, found && { facts: found.facts, price }, found?.moment ?? now);
    return { before, after: decided.entry, made: 'puts' in decided ? [decided] : [] };
  });
  await commit(ctx, together([...moved.flatMap((each) => each.made), advanceMove(move, moved.map(({ before, after }) => ({ before, after })), now)]));
}

/** Each plan for itself; there is seldom more than one. */
export async function applyDue(ctx: Context, due: readonly { subject: string }[]): Promise<void> {
  for (const { subject } of due) await applyBatch(ctx, subject);
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [move] = await movesById(ctx.tx, [path.price_move]);
  return rendered(ctx, move ?? missing('price move', path.price_move));
}

export async function list(ctx: Context, given: Params<typeof params.listMoves>): Promise<Json> {
  const conditions = [...equal('from_price', given.from_price), ...equal('to_price', given.to_price), ...equal('status', given.status)];
  const { data, has_more } = await page<PriceMoveRow>(ctx, 'price_moves', 'price move', conditions, given);
  return renderList('/v1/kontor/price_moves', (await wholeMoves(ctx.tx, data)).map((each) => renderMove(each, ctx.world)), has_more);
}

export async function entriesOf(ctx: Context, given: Params<typeof params.listEntries>, path: Path): Promise<Json> {
  const [move] = await movesById(ctx.tx, [path.price_move]);
  if (!move) return missing('price move', path.price_move);
  const conditions = [...equal('price_move', move.id), ...equal('state', given.state), ...equal('subscription', given.subscription)];
  const { data, has_more } = await page<PriceMoveEntryRow>(ctx, 'price_move_entries', 'price move entry', conditions, given);
  return renderList(`/v1/kontor/price_moves/${move.id}/entries`, data.map(renderEntry), has_more);
}

/** What a subscription has that Stripe's lack: a commitment to so much usage in each period. */
import { refuse } from '../../../billing/decision.ts';
import { updated } from '../../../billing/subscription/puts.ts';
import { hasEnded, type SubscriptionWhole } from '../../../billing/subscription/subscription.ts';
import { isMetered } from '../../../billing/subscription/lines.ts';
import { recurrenceOf, sameRecurrence } from '../../../billing/subscription/periods.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Json, Resource, Room } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { amount, clearable, doc, fields, required, text, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { minor } from '../../../server/http/wire.ts';
import { lockSubscription, subscriptionsById } from '../../subscriptions/rows.ts';

const updateParams = fields({
  commitment: doc(
    'What usage comes to at least in each period; what is missing is billed with it. It counts for the periods that end from now on.',
    clearable(fields({ amount: doc('In the smallest unit of the currency of the subscription.', required(amount({ min: 1 }))), name: text({ max: 100 }) })),
  ),
});

const render = ({ id, commitment, currency }: SubscriptionWhole): Json => ({
  id,
  object: 'kontor.subscription',
  commitment: commitment && { amount: minor(BigInt(commitment.amount)), currency, name: commitment.name },
  subscription: id,
});

const terms: Resource<SubscriptionWhole> = { object: 'kontor.subscription', prefix: 'sub', render, load: (ctx, ids) => subscriptionsById(ctx.tx, ids), expands: { subscription: 'subscription' } };

type Path = { subscription: string };

async function update(ctx: Context, given: Params<typeof updateParams>, path: Path): Promise<Json> {
  const { subscription: before, moment } = await lockSubscription(ctx, path.subscription);
  const { commitment: wanted } = given;
  if (wanted === undefined) return render(before);
  const [first, ...others] = before.items.filter(isMetered);
  if (wanted !== null && hasEnded(before)) refuse(undefined, `The subscription ${before.id} has ended.`, 'commitment');
  if (wanted !== null && !first) refuse(undefined, `Nothing in the subscription ${before.id} is metered, so there is no usage to commit to.`, 'commitment');
  if (wanted !== null && others.some((item) => !sameRecurrence(recurrenceOf(item.terms), recurrenceOf(first!.terms)))) refuse(undefined, 'The metered items have different intervals; a commitment needs one period for all of them.', 'commitment');
  const after: SubscriptionWhole = { ...before, commitment: wanted && { amount: wanted.amount.toString(), name: wanted.name ?? null } };
  await commit(ctx, updated(before, after, moment));
  return render(after);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await subscriptionsById(ctx.tx, [path.subscription]);
  return render(found ?? missing('subscription', path.subscription));
}

export const subscriptionExtensions: Room = {
  resources: [terms],
  routes: [get('/v1/kontor/subscriptions/:subscription', fields({}), retrieve), post('/v1/kontor/subscriptions/:subscription', updateParams, update)],
};

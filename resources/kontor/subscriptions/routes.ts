/** What a subscription has that Stripe's lack: a commitment to so much usage in each period. */
import { commitTo } from '../../../billing/subscription/committed.ts';
import type { SubscriptionWhole } from '../../../billing/subscription/subscription.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Json, Resource, Room } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { amount, clearable, doc, fields, required, text, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { minor } from '../../../server/http/wire.ts';
import { lockSubscription, subscriptionsById } from '../../subscriptions/rows.ts';

const updateParams = fields({
  commitment: doc(
    'What usage comes to at least in each period; what is missing is billed with it. It counts for the periods that end from now on, and all metered items have one interval.',
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
  if (given.commitment === undefined) return render(before);
  const made = commitTo(given.commitment, before, moment);
  await commit(ctx, made);
  return render(made.subscription);
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await subscriptionsById(ctx.tx, [path.subscription]);
  return render(found ?? missing('subscription', path.subscription));
}

export const subscriptionExtensions: Room = {
  resources: [terms],
  routes: [get('/v1/kontor/subscriptions/:subscription', fields({}), retrieve), post('/v1/kontor/subscriptions/:subscription', updateParams, update)],
};

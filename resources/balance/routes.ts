/** What the account has at its processors, and that some of it can be paid out now. */
import type Stripe from 'stripe';
import { decision } from '../../billing/decision.ts';
import { commit } from '../../server/commit.ts';
import type { Context, Json, Resource, Room, TimerCommand, World } from '../../server/context.ts';
import { covers } from '../../server/http/agreement.ts';
import { fields } from '../../server/http/params.ts';
import { get } from '../../server/http/route.ts';
import { minor, type Wire } from '../../server/http/wire.ts';
import { balanceOf, type Balance } from './rows.ts';

const nothing = fields({});
covers<Stripe.BalanceRetrieveParams, typeof nothing>(true);

/** There is one kind of source: all that processors collect, Stripe's `card`. */
const amountOf = (amount: bigint, currency: string) => ({ amount: minor(amount), currency, source_types: { card: minor(amount) } });

function renderBalance({ currencies }: Balance, world: World): Wire<Stripe.Balance> {
  return {
    object: 'balance',
    available: currencies.map(({ available, currency }) => amountOf(available, currency)),
    livemode: world.livemode,
    pending: currencies.map(({ pending, currency }) => amountOf(pending, currency)),
  };
}

/** Read, and told of; it has no id by which it could be named. */
const balance: Resource<Balance> = { object: 'balance', prefix: '', render: renderBalance };

async function retrieve(ctx: Context): Promise<Json> {
  return renderBalance(await balanceOf(ctx), ctx.world);
}

/** What was to become available at these moments is. */
const available: TimerCommand = async (ctx, due) => {
  const whole = await balanceOf(ctx);
  await commit(ctx, { ...decision(), facts: due.map(({ at }) => ({ type: 'balance.available', object: 'balance', whole, at })) });
};

export const accountBalance: Room = { resources: [balance], routes: [get('/v1/balance', nothing, retrieve)], timers: { 'balance.available': available } };

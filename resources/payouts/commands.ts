import { cancelPayout, createPayout, payoutTimer, proceedPayout, type BankAccountRow, type PayoutRow } from '../../billing/balance/payout.ts';
import { decision, refuse, together, type Decision, type Moment } from '../../billing/decision.ts';
import { mergeMetadata } from '../../billing/metadata.ts';
import { commit } from '../../server/commit.ts';
import { momentAt, realMoment, type Context, type Json, type TimerCommand } from '../../server/context.ts';
import { missing } from '../../server/http/errors.ts';
import type { Params } from '../../server/http/params.ts';
import { lockLanes } from '../../server/lanes.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { balanceOf } from '../balance/rows.ts';
import { bankAccountsById, defaultBank, keptBank, lockPayouts, payingOut } from '../kontor/bank_accounts/rows.ts';
import { settingsOf } from '../kontor/settings/rows.ts';
import type * as params from './params.ts';
import { renderPayout } from './resource.ts';
import { currenciesToPayOut, payoutsById, toPayOut } from './rows.ts';

type Path = { payout: string };

/** The bank account that is named, the default one of the currency, or one that stands for it. */
async function destinationOf(ctx: Context, currency: string, named: string | undefined, moment: Moment): Promise<{ account: BankAccountRow; made: Decision }> {
  if (named !== undefined) {
    const [found] = await bankAccountsById(ctx.tx, [named]);
    if (!found || found.deleted) missing('bank account', named, 'destination');
    if (found.processor !== payingOut(ctx).name) refuse(undefined, `The payment processor ${found.processor} pays out to ${named} by itself.`, 'destination');
    if (found.currency !== currency) refuse(undefined, `The bank account ${named} takes payouts in ${found.currency}.`, 'destination');
    return { account: found, made: decision() };
  }
  const usual = await defaultBank(ctx.tx, currency);
  if (usual) return { account: usual, made: decision() };
  const account = keptBank(ctx, payingOut(ctx).payouts.ownBank(currency), { account_holder_name: null, account_holder_type: null, default_for_currency: true }, moment);
  return { account, made: { ...decision(), puts: [{ table: 'bank_accounts', before: null, after: account }] } };
}

export async function create(ctx: Context, given: Params<typeof params.createPayout>): Promise<Json> {
  const { name, payouts } = payingOut(ctx);
  await lockPayouts(ctx.tx);
  const moment = realMoment(ctx.app);
  const { amount, currency, method, description = null, statement_descriptor = null } = given;
  const { account, made } = await destinationOf(ctx, currency, given.destination, moment);
  const { currencies } = await balanceOf(ctx, name);
  const available = currencies.find((each) => each.currency === currency)?.available ?? 0n;
  const order = { amount, currency, method, description, statement_descriptor, metadata: mergeMetadata({}, given.metadata), fees: payouts.fees(amount, method) };
  const created = createPayout(order, account, available, null, moment);
  await commit(ctx, together([made, created]));
  return renderPayout(created.payout, ctx.world);
}

async function existing(ctx: Context, id: string, lock = false): Promise<PayoutRow> {
  if (lock) lockLanes(ctx.tx, [id]);
  const [found] = await payoutsById(ctx.tx, [id], lock);
  return found ?? missing('payout', id);
}

export async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  return renderPayout(await existing(ctx, path.payout), ctx.world);
}

export async function update(ctx: Context, given: Params<typeof params.updatePayout>, path: Path): Promise<Json> {
  const before = await existing(ctx, path.payout, true);
  const after: PayoutRow = { ...before, metadata: mergeMetadata(before.metadata, given.metadata) };
  await commit(ctx, { ...decision(), puts: [{ table: 'payouts', before, after }], facts: [{ type: 'payout.updated', object: 'payout', whole: after, before, at: ctx.app.clock.now() }] });
  return renderPayout(after, ctx.world);
}

export async function cancel(ctx: Context, _given: object, path: Path): Promise<Json> {
  const before = await existing(ctx, path.payout, true);
  const [to] = await bankAccountsById(ctx.tx, [before.destination]);
  const canceled = cancelPayout(before, to!, realMoment(ctx.app));
  await commit(ctx, canceled);
  return renderPayout(canceled.payout, ctx.world);
}

export async function list(ctx: Context, given: Params<typeof params.listPayouts>): Promise<Json> {
  const conditions = [...equal('status', given.status), ...equal('destination', given.destination), ...within('created', given.created), ...within('arrival_date', given.arrival_date)];
  const { data, has_more } = await page<PayoutRow>(ctx, 'payouts', 'payout', conditions, given);
  return renderList('/v1/payouts', data.map((each) => renderPayout(each, ctx.world)), has_more);
}

/** Payouts are sent, arrive, or come back. */
export const proceed: TimerCommand = async (ctx, due) => {
  const { payouts } = payingOut(ctx);
  const found = new Map((await payoutsById(ctx.tx, due.map(({ subject }) => subject), true)).map((each) => [each.id, each]));
  const banks = new Map((await bankAccountsById(ctx.tx, [...found.values()].map(({ destination }) => destination))).map((each) => [each.id, each]));
  const decided = due.map(({ subject, at }) => {
    const payout = found.get(subject)!;
    const to = banks.get(payout.destination)!;
    return proceedPayout(payout, to, payouts.endOf(to.processor_reference), momentAt(ctx, at));
  });
  await commit(ctx, together(decided));
};

/** So many payments one payout carries at most; the rest goes with the next one, at once. */
const MOST_CARRIED = 20_000;

/** The schedule: what is available in each currency, unless that is nothing or its bank account has failed. */
export const payAutomatically: TimerCommand = async (ctx, due) => {
  const { name } = payingOut(ctx);
  await lockPayouts(ctx.tx);
  const { payouts: schedule } = await settingsOf(ctx.tx);
  const moment = momentAt(ctx, Math.max(...due.map(({ at }) => at)));
  const decided: Decision[] = [];
  let more = false;
  for (const currency of await currenciesToPayOut(ctx, name)) {
    const { account, made } = await destinationOf(ctx, currency, undefined, moment);
    if (account.status === 'errored') continue;
    const carried = await toPayOut(ctx, name, currency, MOST_CARRIED);
    const amount = carried.reduce((sum, each) => sum + each.net, 0n);
    if (amount <= 0n) continue;
    if (carried.length >= MOST_CARRIED) more = true;
    const order = { amount, currency, method: 'standard', description: null, statement_descriptor: null, metadata: {}, fees: [] } as const;
    decided.push(made, createPayout(order, account, amount, carried, moment));
  }
  decided.push({ ...decision(), timers: [{ ...payoutTimer(schedule, moment.now), ...(more && { at: moment.now }) }] });
  await commit(ctx, together(decided));
};

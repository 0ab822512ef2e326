/** What an account decides for itself, in each mode: one object, which is always there. */
import { payoutTimer } from '../../../billing/balance/payout.ts';
import { decision, refuse } from '../../../billing/decision.ts';
import { METHODS } from '../../../billing/payment/offer.ts';
import { faultInRule, type RoutingRule } from '../../../billing/payment/route.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Json, Room, World } from '../../../server/context.ts';
import { missing } from '../../../server/http/errors.ts';
import { choice, clearable, currency, decimal, doc, fields, integer, list, map, required, text, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { lockLanes } from '../../../server/lanes.ts';
import { ownProcessor, processorById, processorsOf } from '../processors/rows.ts';
import { DEFAULTS, lockSettings, settingsOf, type SettingsRow } from './rows.ts';

const { customer_balance: _sent, ...KEPT } = METHODS;

const nothing = fields({});
const rule = fields({
  country: doc('Of the bank account or, where the type has one country only, of the type; else of the billing address. Two letters.', text({ pattern: /^[A-Z]{2}$/, shape: 'be a country as two capital letters, e.g. `DE`' })),
  currency: doc('Of the payment for which the method is given; what is kept without one matches only rules without a currency.', currency()),
  payment_method_type: choice(...Object.keys(KEPT)),
  processor: required(doc('The id of a processor or, in test mode, `sandbox`.', text({ max: 100 }))),
});
const update = fields({
  corrections: doc('How what a finalized invoice billed too much, as usage that was taken back later, is put right: by an item of the next invoice, or by a credit note at once.', choice('next_invoice', 'credit_note')),
  payouts: fields({
    interval: doc('How often what is available is paid out by itself, at midnight (UTC); `manual` by `POST /v1/payouts` only.', choice('manual', 'daily', 'weekly', 'monthly')),
    monthly_anchor: doc('The day of the month, or the last one of a shorter month; the first by default.', integer({ min: 1, max: 31 })),
    weekly_anchor: doc('The day of the week; Monday by default.', choice('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')),
  }),
  routing_rules: doc('At which processor a new payment method is kept, all rules at once: the first counts that matches in all that it says. A rule whose processor has become inactive is passed over. Without a match processors are asked in their usual order.', clearable(list(rule, { max: 100 }))),
  settlement: doc('Of the sandbox: in which currency what is charged in others is settled, converted at fixed rates. Empty: each currency is settled as it is.', clearable(fields({
    currency: required(doc('In what is settled.', currency())),
    rates: required(doc('By currency, so much of the one that is settled in is one of it, e.g. `rates[eur]` = `1.0842`. What is in a currency without a rate is settled as it is.', map(decimal({ min: '0.000000000001', places: 12 }), { max: 150, names: currency() }))),
  }))),
  proration: fields({
    unit: doc('How a part of a period is counted from now on: by the second, or by days of UTC, of which the one of a change belongs to what comes after it.', choice('second', 'day')),
  }),
});
type Update = Params<typeof update>;

const render = ({ corrections, payouts, proration, routing_rules, settlement }: SettingsRow, { livemode }: World): Json => ({ object: 'kontor.settings', corrections, livemode, payouts, proration, routing_rules, settlement });

async function retrieve(ctx: Context): Promise<Json> {
  return render(await settingsOf(ctx.tx), ctx.world);
}

/** An anchor is one of its interval only. */
function scheduled(ctx: Context, known: SettingsRow['payouts'], given: NonNullable<Update['payouts']>): SettingsRow['payouts'] {
  const { interval = known.interval, weekly_anchor, monthly_anchor } = given;
  if (interval !== 'manual' && !ownProcessor(ctx.app, ctx.world)?.payouts) refuse(undefined, 'The payment processor of this mode pays out by itself: set its schedule there.', 'payouts[interval]');
  if (weekly_anchor !== undefined && interval !== 'weekly') refuse(undefined, `Payouts are ${interval}: a day of the week is for weekly ones.`, 'payouts[weekly_anchor]');
  if (monthly_anchor !== undefined && interval !== 'monthly') refuse(undefined, `Payouts are ${interval}: a day of the month is for monthly ones.`, 'payouts[monthly_anchor]');
  return {
    interval,
    monthly_anchor: interval === 'monthly' ? (monthly_anchor ?? known.monthly_anchor ?? 1) : null,
    weekly_anchor: interval === 'weekly' ? (weekly_anchor ?? known.weekly_anchor ?? 'monday') : null,
  };
}

/** The rules as they are kept; refuses one that leads nowhere, or to a processor that does not take what it says. */
async function rulesOf(ctx: Context, given: NonNullable<Update['routing_rules']>): Promise<RoutingRule[]> {
  const active = given.length === 0 ? [] : await processorsOf(ctx);
  const rules = given.map(({ country = null, currency: of = null, payment_method_type = null, processor }): RoutingRule => ({ country, currency: of, payment_method_type, processor }));
  for (const [n, each] of rules.entries()) {
    const at = `routing_rules[${n}]`;
    const processor = active.find(({ name }) => name === each.processor);
    if (!processor) {
      if (await processorById(ctx.tx, each.processor)) refuse(undefined, `The processor ${each.processor} is inactive: nothing new is kept there. Activate it first.`, `${at}[processor]`);
      return missing('processor', each.processor, `${at}[processor]`);
    }
    const fault = faultInRule(each, processor.capabilities().methods);
    if (fault) refuse(undefined, fault.message, `${at}[${fault.field}]`);
  }
  return rules;
}

/** In what the sandbox is to settle from now on. */
function settled(ctx: Context, given: NonNullable<Update['settlement']>): SettingsRow['settlement'] {
  if (!ownProcessor(ctx.app, ctx.world)) refuse(undefined, 'The payment processor of this mode settles as it is set there.', 'settlement');
  const { currency: into, rates } = given;
  if (into in rates) refuse(undefined, `What is in ${into} is settled as it is: it has no rate.`, `settlement[rates][${into}]`);
  return { currency: into, rates: { ...rates } };
}

async function change(ctx: Context, { corrections, payouts, proration, routing_rules, settlement }: Update): Promise<Json> {
  if (payouts) lockLanes(ctx.tx, ['balance']);
  const before = await lockSettings(ctx.tx);
  const known = before ?? DEFAULTS;
  const after: SettingsRow = { ...known, corrections: corrections ?? known.corrections, payouts: payouts ? scheduled(ctx, known.payouts, payouts) : known.payouts, proration: { ...known.proration, ...proration } };
  if (settlement !== undefined) after.settlement = settlement && settled(ctx, settlement);
  if (routing_rules !== undefined) after.routing_rules = await rulesOf(ctx, routing_rules ?? []);
  const timers = payouts ? [payoutTimer(after.payouts, ctx.app.clock.now())] : [];
  await commit(ctx, { ...decision(), puts: [{ table: 'settings', before: before ?? null, after }], timers });
  return render(after, ctx.world);
}

export const settings: Room = { routes: [get('/v1/kontor/settings', nothing, retrieve), post('/v1/kontor/settings', update, change)] };

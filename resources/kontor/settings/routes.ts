/** What an account decides for itself, in each mode: one object, which is always there. */
import { payoutTimer } from '../../../billing/balance/payout.ts';
import { decision, refuse } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Json, Room, World } from '../../../server/context.ts';
import { choice, doc, fields, integer, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { ownProcessor } from '../processors/rows.ts';
import { DEFAULTS, lockSettings, settingsOf, type SettingsRow } from './rows.ts';

const nothing = fields({});
const update = fields({
  corrections: doc('How what a finalised invoice billed too much, as usage that was taken back later, is put right: by an item of the next invoice, or by a credit note at once.', choice('next_invoice', 'credit_note')),
  payouts: fields({
    interval: doc('How often what is available is paid out by itself, at midnight (UTC); `manual` by `POST /v1/payouts` only.', choice('manual', 'daily', 'weekly', 'monthly')),
    monthly_anchor: doc('The day of the month, or the last one of a shorter month; the first by default.', integer({ min: 1, max: 31 })),
    weekly_anchor: doc('The day of the week; Monday by default.', choice('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')),
  }),
  proration: fields({
    unit: doc('How a part of a period is counted from now on: by the second, or by days of UTC, of which the one of a change belongs to what comes after it.', choice('second', 'day')),
  }),
});
type Update = Params<typeof update>;

const render = ({ corrections, payouts, proration }: SettingsRow, { livemode }: World): Json => ({ object: 'kontor.settings', corrections, livemode, payouts, proration });

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

async function change(ctx: Context, { corrections, payouts, proration }: Update): Promise<Json> {
  const before = await lockSettings(ctx.tx);
  const known = before ?? DEFAULTS;
  const after: SettingsRow = { ...known, corrections: corrections ?? known.corrections, payouts: payouts ? scheduled(ctx, known.payouts, payouts) : known.payouts, proration: { ...known.proration, ...proration } };
  const timers = payouts ? [payoutTimer(after.payouts, ctx.app.clock.now())] : [];
  await commit(ctx, { ...decision(), puts: [{ table: 'settings', before: before ?? null, after }], timers });
  return render(after, ctx.world);
}

export const settings: Room = { routes: [get('/v1/kontor/settings', nothing, retrieve), post('/v1/kontor/settings', update, change)] };

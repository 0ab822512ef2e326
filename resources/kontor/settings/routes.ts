/** What an account decides for itself, in each mode: one object, which is always there. */
import { decision } from '../../../billing/decision.ts';
import { commit } from '../../../server/commit.ts';
import type { Context, Json, Room, World } from '../../../server/context.ts';
import { choice, doc, fields, type Params } from '../../../server/http/params.ts';
import { get, post } from '../../../server/http/route.ts';
import { DEFAULTS, lockSettings, settingsOf, type SettingsRow } from './rows.ts';

const nothing = fields({});
const update = fields({
  corrections: doc('How what a finalised invoice billed too much, as usage that was taken back later, is put right: by an item of the next invoice, or by a credit note at once.', choice('next_invoice', 'credit_note')),
  proration: fields({
    unit: doc('How a part of a period is counted from now on: by the second, or by days of UTC, of which the one of a change belongs to what comes after it.', choice('second', 'day')),
  }),
});

const render = ({ corrections, proration }: SettingsRow, { livemode }: World): Json => ({ object: 'kontor.settings', corrections, livemode, proration });

async function retrieve(ctx: Context): Promise<Json> {
  return render(await settingsOf(ctx.tx), ctx.world);
}

async function change(ctx: Context, { corrections, proration }: Params<typeof update>): Promise<Json> {
  const before = await lockSettings(ctx.tx);
  const known = before ?? DEFAULTS;
  const after: SettingsRow = { ...known, corrections: corrections ?? known.corrections, proration: { ...known.proration, ...proration } };
  await commit(ctx, { ...decision(), puts: [{ table: 'settings', before: before ?? null, after }] });
  return render(after, ctx.world);
}

export const settings: Room = { routes: [get('/v1/kontor/settings', nothing, retrieve), post('/v1/kontor/settings', update, change)] };

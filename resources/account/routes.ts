/** The account that a key belongs to. There is one request: accounts are made from the command line. */
import type Stripe from 'stripe';
import { accountById, type AccountRow } from '../../server/accounts.ts';
import type { Context, Room } from '../../server/context.ts';
import { fields } from '../../server/http/params.ts';
import { get } from '../../server/http/route.ts';
import type { Wire } from '../../server/http/wire.ts';
import { processorsOf } from '../kontor/processors/rows.ts';

const nothing = fields({});

/** `pays_out`: payouts are made when Kontor says so, not by the processor itself. */
function render(account: AccountRow, charges: boolean, pays_out: boolean): Wire<Stripe.Account> {
  const { business_name: name } = account;
  return {
    id: account.id,
    object: 'account',
    business_profile: {
      mcc: null, minority_owned_business_designation: null, name, specified_commercial_transactions_act_url: null, support_address: null, support_email: account.email, support_phone: null,
      support_url: null, url: null,
    },
    charges_enabled: charges,
    country: account.country,
    created: account.created,
    default_currency: account.default_currency,
    details_submitted: true,
    email: account.email,
    metadata: {},
    payouts_enabled: pays_out,
    settings: {
      branding: { icon: null, logo: null, primary_color: null, secondary_color: null },
      card_payments: { statement_descriptor_prefix: null, statement_descriptor_prefix_kana: null, statement_descriptor_prefix_kanji: null },
      dashboard: { display_name: name, timezone: 'Etc/UTC' },
      payments: { statement_descriptor: null, statement_descriptor_kana: null, statement_descriptor_kanji: null, statement_descriptor_prefix_kana: null, statement_descriptor_prefix_kanji: null },
    },
    type: 'standard',
  };
}

async function retrieve(ctx: Context): Promise<Wire<Stripe.Account>> {
  const processors = await processorsOf(ctx);
  return render(await accountById(ctx.tx, ctx.world.account), processors.length > 0, processors.some((each) => each.payouts !== undefined));
}

export const account: Room = { routes: [get('/v1/account', nothing, retrieve)] };

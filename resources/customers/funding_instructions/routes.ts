import type Stripe from 'stripe';
import type { Context, Json, Room } from '../../../server/context.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { choice, currency, fields, required, unsupported, type Params } from '../../../server/http/params.ts';
import { post } from '../../../server/http/route.ts';
import { accountFor } from '../cash_balance/rows.ts';
import { lockCustomer } from '../rows.ts';

const createInstructions = fields({
  bank_transfer: required(fields({
    eu_bank_transfer: fields({ country: required(choice('BE', 'DE', 'ES', 'FR', 'IE', 'NL')) }),
    requested_address_types: unsupported('a customer has one address of a kind'),
    type: required(choice('eu_bank_transfer', 'gb_bank_transfer', 'jp_bank_transfer', 'mx_bank_transfer', 'us_bank_transfer')),
  })),
  currency: required(currency()),
  funding_type: required(choice('bank_transfer')),
});
covers<Stripe.CustomerCreateFundingInstructionsParams, typeof createInstructions>(true);
agrees<Stripe.CustomerCreateFundingInstructionsParams, typeof createInstructions>(true);

/** The same for the same customer, each time. */
async function create(ctx: Context, given: Params<typeof createInstructions>, path: { customer: string }): Promise<Json> {
  const customer = await lockCustomer(ctx, path.customer);
  const { type, country, financial_addresses } = await accountFor(ctx, customer.id, given.currency, given.bank_transfer, 'bank_transfer[type]');
  return { object: 'funding_instructions', bank_transfer: { country, financial_addresses, type }, currency: given.currency, funding_type: 'bank_transfer', livemode: ctx.world.livemode };
}

export const fundingInstructions: Room = { routes: [post('/v1/customers/:customer/funding_instructions', createInstructions, create)] };

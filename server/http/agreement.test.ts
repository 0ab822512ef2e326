import { test } from 'node:test';
import type Stripe from 'stripe';
import { agrees, covers, type Undeclared, type Unknown } from './agreement.ts';
import { boolean, choice, clearable, email, fields, id, integer, list, listParams, map, metadata, oneOf, range, required, text, timestamp, unsupported } from './params.ts';

type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
function holds<_T extends true>(): void {}

const address = fields({ line1: text(), line2: text(), city: text(), state: text(), postal_code: text(), country: text() });
const customer = fields({
  email: email(),
  address: clearable(address),
  shipping: clearable(fields({ address: required(address), name: required(text()), phone: text() })),
  tax_exempt: clearable(choice('none', 'exempt', 'reverse')),
  invoice_settings: fields({ custom_fields: clearable(list(fields({ name: required(text()), value: required(text()) }))), footer: text() }),
  metadata: metadata(),
  source: unsupported(),
});
const subscription = fields({ items: list(fields({ price: id('price'), quantity: integer(), metadata: metadata() })), trial_end: oneOf(choice('now'), timestamp()), off_session: boolean() });
const wrong = fields({
  emial: email(),
  address: fields({ line9: text() }),
  tax_exempt: choice('none', 'perhaps'),
  invoice_settings: fields({ custom_fields: list(fields({ title: text() })) }),
  name: list(text()),
});
const prices = listParams({ active: boolean(), created: range(), lookup_keys: list(text()), recurring: fields({ interval: choice('day', 'month'), usage_type: choice('metered') }) });
const options = fields({ currency_options: map(fields({ unit_amount: integer(), tiers: list(fields({ up_to: oneOf(choice('inf'), integer()), flat: integer() })) })) });

test('the compiler compares schemas with the types of the official library', () => {
  agrees<Stripe.CustomerCreateParams, typeof customer>(true);
  agrees<Stripe.SubscriptionCreateParams, typeof subscription>(true);
  agrees<Stripe.PriceListParams, typeof prices>(true);
  covers<Stripe.PriceListParams, typeof prices, 'currency' | 'product' | 'type' | 'recurring[meter]'>(true);
  covers<Stripe.AddressParam, typeof address>(true);

  // @ts-expect-error Stripe has no such parameters.
  agrees<Stripe.CustomerCreateParams, typeof wrong>(true);
  agrees<Stripe.CustomerCreateParams, typeof wrong, 'emial' | 'address[line9]' | 'tax_exempt=perhaps' | 'invoice_settings[custom_fields][][title]' | 'name (a list)'>(true);
  holds<Equal<Unknown<Stripe.CustomerCreateParams, typeof wrong>, 'emial' | 'address[line9]' | 'tax_exempt=perhaps' | 'invoice_settings[custom_fields][][title]' | 'name (a list)'>>();
  holds<Equal<Unknown<Stripe.PriceCreateParams, typeof options>, 'currency_options[*][tiers][][flat]'>>();

  // @ts-expect-error Stripe has more.
  covers<Stripe.CustomerCreateParams, typeof customer>(true);
  holds<Equal<Extract<Undeclared<Stripe.CustomerCreateParams, typeof customer>, 'name' | 'tax' | 'source' | 'expand' | 'email' | 'invoice_settings[rendering_options]' | 'shipping[phone]'>, 'name' | 'tax' | 'invoice_settings[rendering_options]'>>();
});

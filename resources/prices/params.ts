import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, boolean, choice, clearable, currency, decimal, exclusive, fields, id, integer, list, listParams, map, metadata, oneOf, range, required, text, unsupported } from '../../server/http/params.ts';

export const money = amount({ min: 0 });
export const fine = decimal({ min: 0 });
export const oneUnitAmount = exclusive(['unit_amount', 'unit_amount_decimal']);

export const tiers = list(
  fields(
    { flat_amount: money, flat_amount_decimal: fine, unit_amount: money, unit_amount_decimal: fine, up_to: required(oneOf(choice('inf'), integer())) },
    oneUnitAmount,
    exclusive(['flat_amount', 'flat_amount_decimal']),
  ),
  { max: 100 },
);

const tax_behavior = choice('exclusive', 'inclusive', 'unspecified');
const interval = choice('day', 'month', 'week', 'year');
const usage_type = choice('licensed', 'metered');

const custom_unit_amount = fields({ enabled: required(boolean()), maximum: amount({ min: 1 }), minimum: amount({ min: 1 }), preset: money });

const currencyOptions = map(fields({ custom_unit_amount, tax_behavior, tiers, unit_amount: money, unit_amount_decimal: fine }, oneUnitAmount), { names: currency() });

/** What a price can say wherever it is made: in its own request, and as data in the requests of what is priced. */
const amounts = { custom_unit_amount, tax_behavior, unit_amount: money, unit_amount_decimal: fine };
const recurrence = { interval: required(interval), interval_count: integer({ min: 1 }) };

/** The first price of a product, which is made with it. */
export const defaultPriceData = fields({ ...amounts, currency: required(currency()), currency_options: currencyOptions, metadata: metadata(), recurring: fields(recurrence) }, oneUnitAmount);

/** An id of the caller's own choice, as products and coupons have it: it stands in paths, so only letters, digits and a few signs. */
export const ownId = text({ max: 255, pattern: /^[A-Za-z0-9][A-Za-z0-9_.+%:-]*$/, shape: 'consist of letters, digits and the signs _ . + % : and -, and begin with a letter or a digit' });

export const taxCode = text({ max: 20, pattern: /^txcd_[0-9]{8}$/, shape: 'be a tax code such as txcd_10000000' });
export const taxDetails = fields({ tax_code: clearable(taxCode), performance_location: unsupported('location-based tax is not implemented: use tax rates') });
export const statementDescriptor = text({ max: 22, pattern: /^(?=.*[A-Za-z])[^<>\\"']*$/, shape: 'contain a letter and none of the characters < > \\ " \'' });

/** A product that is made with its price. */
export const productData = fields(
  {
    active: boolean(),
    id: ownId,
    metadata: metadata(),
    name: required(text({ max: 250 })),
    statement_descriptor: statementDescriptor,
    tax_code: taxCode,
    tax_details: taxDetails,
    unit_label: text({ max: 12 }),
  },
  exclusive(['tax_code', 'tax_details']),
);

export const createPrice = fields(
  {
    ...amounts,
    active: boolean(),
    billing_scheme: choice('per_unit', 'tiered'),
    currency: required(currency()),
    currency_options: currencyOptions,
    lookup_key: text({ max: 200 }),
    metadata: metadata(),
    nickname: clearable(text({ max: 5000 })),
    product: id(),
    product_data: productData,
    recurring: fields({ ...recurrence, meter: id('mtr'), trial_period_days: integer({ min: 0, max: 730 }), usage_type }),
    tiers,
    tiers_mode: choice('graduated', 'volume'),
    transfer_lookup_key: boolean(),
    transform_quantity: fields({ divide_by: required(integer({ min: 1 })), round: required(choice('down', 'up')) }),
  },
  oneUnitAmount,
  exclusive(['product', 'product_data']),
);
covers<Stripe.PriceCreateParams, typeof createPrice>(true);
agrees<Stripe.PriceCreateParams, typeof createPrice>(true);

export const updatePrice = fields({
  active: boolean(),
  currency_options: clearable(currencyOptions),
  lookup_key: clearable(text({ max: 200 })),
  metadata: metadata(),
  nickname: clearable(text({ max: 5000 })),
  tax_behavior,
  transfer_lookup_key: boolean(),
});
covers<Stripe.PriceUpdateParams, typeof updatePrice>(true);
agrees<Stripe.PriceUpdateParams, typeof updatePrice>(true);

export const listPrices = listParams({
  active: boolean(),
  created: range(),
  currency: currency(),
  lookup_keys: list(text({ max: 200 }), { max: 10 }),
  product: id(),
  recurring: fields({ interval, meter: id(), usage_type }),
  type: choice('one_time', 'recurring'),
});
covers<Stripe.PriceListParams, typeof listPrices>(true);
agrees<Stripe.PriceListParams, typeof listPrices>(true);

export const nothing = fields({});

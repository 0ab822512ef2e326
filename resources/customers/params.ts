import type Stripe from 'stripe';
import { TAX_ID_TYPES } from '../../billing/customer/tax_id.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { amount, choice, clearable, email, fields, id, integer, list, listParams, metadata, range, required, text, unsupported } from '../../server/http/params.ts';

const words = (max: number) => clearable(text({ max }));

export const address = fields({ city: words(5000), country: words(2), line1: words(5000), line2: words(5000), postal_code: words(5000), state: words(5000) });

const shipping = fields({ address: required(address), name: required(text({ max: 5000 })), phone: words(20) });

const invoice_settings = fields({
  custom_fields: clearable(list(fields({ name: required(text({ max: 40 })), value: required(text({ max: 140 })) }), { max: 4 })),
  default_payment_method: clearable(id()),
  footer: words(5000),
  rendering_options: clearable(fields({ amount_tax_display: clearable(choice('exclude_tax', 'include_inclusive_tax')), template: unsupported('invoice rendering templates are not implemented') })),
});

export const cashSettings = { settings: fields({ reconciliation_mode: choice('automatic', 'manual', 'merchant_default') }) };

const described = {
  address: clearable(address),
  balance: amount(),
  business_name: words(150),
  description: words(5000),
  email: clearable(email()),
  individual_name: words(150),
  invoice_prefix: text({ max: 12, pattern: /^[A-Z0-9]{3,12}$/ }),
  invoice_settings,
  metadata: metadata(),
  name: words(256),
  next_invoice_sequence: integer({ min: 1, max: 999_999_999 }),
  phone: words(20),
  preferred_locales: list(text({ max: 12 }), { max: 10 }),
  shipping: clearable(shipping),
  tax_exempt: clearable(choice('none', 'exempt', 'reverse')),
  cash_balance: fields(cashSettings),
  source: unsupported('sources are not implemented: attach a payment method'),
  tax: unsupported('location-based tax is not implemented: use tax rates'),
  validate: unsupported('payment methods are validated when they are attached'),
};

export const createCustomer = fields({
  ...described,
  payment_method: id(),
  tax_id_data: list(fields({ type: required(choice(...TAX_ID_TYPES)), value: required(text({ max: 100 })) }), { max: 5 }),
  test_clock: id(),
});
covers<Stripe.CustomerCreateParams, typeof createCustomer>(true);
agrees<Stripe.CustomerCreateParams, typeof createCustomer>(true);

export const updateCustomer = fields({ ...described, default_source: unsupported('sources are not implemented: set `invoice_settings[default_payment_method]`') });
covers<Stripe.CustomerUpdateParams, typeof updateCustomer>(true);
agrees<Stripe.CustomerUpdateParams, typeof updateCustomer>(true);

export const listCustomers = listParams({ created: range(), email: text({ max: 512 }), test_clock: id() });
covers<Stripe.CustomerListParams, typeof listCustomers>(true);
agrees<Stripe.CustomerListParams, typeof listCustomers>(true);

export const nothing = fields({});
covers<Stripe.CustomerRetrieveParams, typeof nothing>(true);
covers<Stripe.CustomerDeleteParams, typeof nothing>(true);
covers<Stripe.CustomerDeleteDiscountParams, typeof nothing>(true);

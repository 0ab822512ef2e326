import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, choice, clearable, fields, listParams, metadata, percent, range, required, text } from '../../server/http/params.ts';

const display_name = text({ max: 50 });

const described = {
  active: boolean(),
  country: clearable(text({ pattern: /^[A-Z]{2}$/, shape: 'be a country as ISO 3166 writes it, such as DE' })),
  description: clearable(text({ max: 5000 })),
  jurisdiction: clearable(text({ max: 50 })),
  metadata: metadata(),
  state: clearable(text({ max: 50 })),
  tax_type: choice(
    'admissions_tax', 'amusement_tax', 'attendance_tax', 'communications_tax', 'digital_excise_tax', 'entertainment_tax', 'get_fund', 'gross_receipts_tax', 'gst', 'hospitality_tax', 'hst', 'igst', 'jct',
    'lease_tax', 'luxury_tax', 'mass_transit_parking_tax', 'nhil', 'parking_tax', 'pst', 'qst', 'resort_tax', 'retail_delivery_fee', 'rst', 'sales_tax', 'service_tax', 'tourism_tax', 'utility_users_tax', 'vat',
  ),
};

export const createTaxRate = fields({ ...described, display_name: required(display_name), inclusive: required(boolean()), percentage: required(percent()) });
covers<Stripe.TaxRateCreateParams, typeof createTaxRate>(true);
agrees<Stripe.TaxRateCreateParams, typeof createTaxRate>(true);

export const updateTaxRate = fields({ ...described, display_name });
covers<Stripe.TaxRateUpdateParams, typeof updateTaxRate>(true);
agrees<Stripe.TaxRateUpdateParams, typeof updateTaxRate>(true);

export const listTaxRates = listParams({ active: boolean(), created: range(), inclusive: boolean() });
covers<Stripe.TaxRateListParams, typeof listTaxRates>(true);
agrees<Stripe.TaxRateListParams, typeof listTaxRates>(true);

export const nothing = fields({});

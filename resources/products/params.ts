import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, check, choice, clearable, decimal, exclusive, fields, id, list, listParams, metadata, range, required, text, url } from '../../server/http/params.ts';
import { refuse } from '../../billing/decision.ts';
import { defaultPriceData, ownId, statementDescriptor, taxCode, taxDetails } from '../prices/params.ts';

const name = text({ max: 250 });
const images = list(url({ max: 2048 }), { max: 8 });
const marketing_features = list(fields({ name: required(text({ max: 80 })) }), { max: 15 });
/** Inches, or ounces. */
const size = required(decimal({ min: '0.01', max: 1_000_000, places: 2 }));
const package_dimensions = fields({ height: size, length: size, weight: size, width: size });
const oneTaxCode = exclusive(['tax_code', 'tax_details']);

export const createProduct = fields(
  {
    active: boolean(),
    default_price_data: defaultPriceData,
    description: clearable(text({ max: 40_000 })),
    id: ownId,
    images,
    marketing_features,
    metadata: metadata(),
    name: required(name),
    package_dimensions,
    shippable: boolean(),
    statement_descriptor: statementDescriptor,
    tax_code: taxCode,
    tax_details: taxDetails,
    type: choice('good', 'service'),
    unit_label: text({ max: 12 }),
    url: url({ max: 2048 }),
  },
  oneTaxCode,
  check<{ type?: string }>(({ type }, at) => {
    if (type === 'good') refuse(undefined, 'Products of the type `good` belonged to orders, which are gone. A product that is shipped is a `service` with `shippable`.', at('type'));
  }, 'a product is a service'),
);
covers<Stripe.ProductCreateParams, typeof createProduct>(true);
agrees<Stripe.ProductCreateParams, typeof createProduct>(true);

export const updateProduct = fields(
  {
    active: boolean(),
    default_price: clearable(id()),
    description: clearable(text({ max: 40_000 })),
    images: clearable(images),
    marketing_features: clearable(marketing_features),
    metadata: metadata(),
    name,
    package_dimensions: clearable(package_dimensions),
    shippable: boolean(),
    statement_descriptor: clearable(statementDescriptor),
    tax_code: clearable(taxCode),
    tax_details: clearable(taxDetails),
    unit_label: clearable(text({ max: 12 })),
    url: clearable(url({ max: 2048 })),
  },
  oneTaxCode,
);
covers<Stripe.ProductUpdateParams, typeof updateProduct>(true);
agrees<Stripe.ProductUpdateParams, typeof updateProduct>(true);

export const listProducts = listParams(
  { active: boolean(), created: range(), ids: list(id(), { max: 100 }), shippable: boolean(), type: choice('good', 'service'), url: text({ max: 2048 }) },
  exclusive(['ids', 'starting_after']),
  exclusive(['ids', 'ending_before']),
);
covers<Stripe.ProductListParams, typeof listProducts>(true);
agrees<Stripe.ProductListParams, typeof listProducts>(true);

export const nothing = fields({});

import type Stripe from 'stripe';
import type { ProductRow } from '../../billing/catalog.ts';
import type { Resource, World } from '../../server/context.ts';
import type { Wire } from '../../server/http/wire.ts';
import { productsById } from './rows.ts';

export function renderDeletedProduct(id: string): Wire<Stripe.DeletedProduct> {
  return { id, object: 'product', deleted: true };
}

function render(product: ProductRow, world: World): Wire<Stripe.Product> | Wire<Stripe.DeletedProduct> {
  if (product.deleted) return renderDeletedProduct(product.id);
  const { package_dimensions: size, tax_code } = product;
  return {
    id: product.id,
    object: 'product',
    active: product.active,
    created: product.created,
    default_price: product.default_price,
    description: product.description,
    images: product.images,
    livemode: world.livemode,
    marketing_features: product.marketing_features,
    metadata: product.metadata,
    name: product.name,
    package_dimensions: size && { height: size.height, length: size.length, weight: size.weight, width: size.width },
    shippable: product.shippable,
    statement_descriptor: product.statement_descriptor,
    tax_code,
    tax_details: tax_code === null ? null : { performance_location: null, tax_code },
    type: 'service',
    unit_label: product.unit_label,
    updated: product.updated,
    url: product.url,
  };
}

export const product: Resource<ProductRow> = {
  object: 'product',
  prefix: 'prod',
  render,
  load: (ctx, ids) => productsById(ctx.tx, ids),
  expands: { default_price: 'price' },
};

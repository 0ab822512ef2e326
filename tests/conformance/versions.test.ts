/** Callers that pinned an older version get the shapes that their library knows, and may ask as they are used to. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { NATIVE_VERSION, VERSIONS } from '../../server/http/versions.ts';
import { startKontor } from '../kontor.ts';
import { untyped } from '../refused.ts';
import { seatPrice } from '../shop.ts';

const kontor = await startKontor({ works: false });
after(() => kontor.close());

/** The client of a version. Its types are those of today, so answers and requests are told as what they are on the wire. */
const of = (apiVersion: string): Stripe => kontor.client(undefined, { apiVersion });
type Wire = Record<string, any>;

async function discounted(stripe: Stripe, coupon: string): Promise<Wire> {
  const customer = await kontor.stripe.customers.create({ name: 'Jenny' });
  const price = await seatPrice(kontor.stripe, 1_000);
  return stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], discounts: [{ coupon }], collection_method: 'send_invoice', days_until_due: 30, expand: ['discounts'] });
}

for (const version of VERSIONS) {
  test(`${version} is understood, and told in the answer`, async () => {
    const { lastResponse } = await of(version).customers.list();
    assert.equal(lastResponse.apiVersion, version);
  });
}

test('up to clover, a discount has its whole coupon; since then, it says where it comes from', async () => {
  const { id: coupon } = await kontor.stripe.coupons.create({ percent_off: 20, duration: 'forever' });
  const basil = await discounted(of('2025-08-27.basil'), coupon);
  assert.deepEqual([basil.discounts[0].coupon.object, basil.discounts[0].coupon.percent_off, basil.discounts[0].source], ['coupon', 20, undefined]);
  for (const version of ['2025-09-30.clover', '2026-03-25.dahlia', NATIVE_VERSION]) {
    const later = await discounted(of(version), coupon);
    assert.deepEqual([later.discounts[0].source, later.discounts[0].coupon], [{ type: 'coupon', coupon }, undefined]);
  }
});

test('up to clover, a promotion code is made for a coupon and has it; since then, for a promotion', async () => {
  const { id: coupon } = await kontor.stripe.coupons.create({ percent_off: 20, duration: 'once' });
  const basil: Wire = await of('2025-03-31.basil').promotionCodes.create(untyped({ coupon, code: 'BASIL' }));
  assert.deepEqual([basil.coupon.id, basil.coupon.object, basil.promotion], [coupon, 'coupon', undefined]);
  const clover: Wire = await of('2025-09-30.clover').promotionCodes.create({ promotion: { type: 'coupon', coupon }, code: 'CLOVER' });
  assert.deepEqual([clover.promotion, clover.coupon], [{ type: 'coupon', coupon }, undefined]);
  await assert.rejects(of('2025-09-30.clover').promotionCodes.create(untyped({ coupon })), { statusCode: 400 });
  const listed: Wire = await of('2025-03-31.basil').promotionCodes.list({ expand: ['data.coupon.applies_to'] });
  assert.deepEqual(listed.data.map((code: Wire) => code.coupon.object), ['coupon', 'coupon']);
});

test('up to endive, an anchor is a word; since then, it is a map', async () => {
  const { id: coupon } = await kontor.stripe.coupons.create({ percent_off: 20, duration: 'forever' });
  const { id } = (await discounted(kontor.stripe, coupon)) as { id: string };
  const dahlia: Wire = await of('2026-08-26.dahlia').subscriptions.update(id, untyped({ billing_cycle_anchor: 'now', proration_behavior: 'none' }));
  assert.equal(dahlia.status, 'active');
  const endive: Wire = await kontor.stripe.subscriptions.update(id, { billing_cycle_anchor: { type: 'unchanged' }, metadata: { a: '1' } });
  assert.deepEqual(endive.metadata, { a: '1' });
  await assert.rejects(kontor.stripe.subscriptions.update(id, untyped({ billing_cycle_anchor: 'now' })), { statusCode: 400, param: 'billing_cycle_anchor' });
});

test('an event is told in the version of whoever asks', async () => {
  await kontor.stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: (await kontor.stripe.coupons.create({ percent_off: 20, duration: 'once' })).id } });
  const told = async (version: string): Promise<Wire> => (await of(version).events.list({ type: 'promotion_code.created', limit: 1 })).data[0]!;
  const [basil, clover] = [await told('2025-03-31.basil'), await told('2025-09-30.clover')];
  assert.deepEqual([basil.api_version, basil.data.object.coupon.object, basil.data.object.promotion], ['2025-03-31.basil', 'coupon', undefined]);
  assert.deepEqual([clover.api_version, clover.data.object.promotion.type, clover.data.object.coupon], ['2025-09-30.clover', 'coupon', undefined]);
});

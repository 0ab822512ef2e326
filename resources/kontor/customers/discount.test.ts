/** The discount of a customer: given under Kontor's own name, since Stripe has no request for it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../../tests/kontor.ts';
import { own } from '../../../tests/own.ts';
import { paysBy, seatPrice } from '../../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const give = (customer: string, given: object) => own<Stripe.Discount>(stripe, 'POST', `customers/${customer}/discount`, given);

test('a customer has one discount, which is on the invoices of subscriptions that have none', async () => {
  const customer = await stripe.customers.create(paysBy());
  const price = await seatPrice(stripe, 3_000);
  const [tenth, fifth] = [await stripe.coupons.create({ percent_off: 10, duration: 'forever' }), await stripe.coupons.create({ percent_off: 20, duration: 'forever', max_redemptions: 1 })];
  const code = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: fifth.id }, code: 'FIFTH' });
  const first = await give(customer.id, { coupon: tenth.id });
  assert.deepEqual([first.customer, first.source.coupon, first.subscription], [customer.id, tenth.id, null]);
  const since = (await kontor.eventTypes()).length;
  const second = await give(customer.id, { promotion_code: code.id });
  assert.deepEqual(await kontor.eventTypes(since), ['customer.discount.deleted', 'customer.discount.created', 'customer.updated']);
  assert.equal(((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).discount?.id, second.id);
  assert.equal((await stripe.promotionCodes.retrieve(code.id)).times_redeemed, 1);
  const total = async (more: Partial<Stripe.SubscriptionCreateParams>) => {
    const made = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], expand: ['latest_invoice'], ...more });
    return (made.latest_invoice as Stripe.Invoice).total;
  };
  assert.deepEqual([await total({}), await total({ discounts: [{ coupon: tenth.id }] })], [2_400, 2_700]);
  await stripe.customers.deleteDiscount(customer.id);
  assert.equal(await total({}), 3_000);
});

test('a discount that a customer cannot have is refused by name', async () => {
  const customer = await stripe.customers.create();
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
  const dear = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, restrictions: { minimum_amount: 5_000, minimum_amount_currency: 'usd' } });
  await assert.rejects(give(customer.id, {}), { code: 'parameter_missing', param: 'coupon' });
  await assert.rejects(give(customer.id, { coupon: coupon.id, promotion_code: dear.id }), { code: 'parameters_exclusive' });
  await assert.rejects(give(customer.id, { coupon: 'nope' }), { code: 'resource_missing', param: 'coupon' });
  await assert.rejects(give(customer.id, { promotion_code: dear.id }), { param: 'promotion_code' });
  await assert.rejects(give('cus_nope', { coupon: coupon.id }), { statusCode: 404 });
  assert.equal(((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).discount, null);
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { startKontor } from '../../tests/kontor.ts';
import { paysBy, seatPrice } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const told = listen(kontor);
const [seat, addOn] = [(await seatPrice(stripe, 2000)).id, (await seatPrice(stripe, 1000)).id];
const customer = (await stripe.customers.create(paysBy())).id;
const subscription = (await stripe.subscriptions.create({ customer, items: [{ price: seat, quantity: 2 }] })).id;

test('an item is added, read, changed, listed and removed, each as a change of its subscription', async () => {
  await told();
  const made = await stripe.subscriptionItems.create({ subscription, price: addOn, quantity: 2, metadata: { kind: 'extra' } });
  assert.deepEqual([made.object, made.quantity, made.price.id, made.subscription, made.metadata], ['subscription_item', 2, addOn, subscription, { kind: 'extra' }]);
  const created = await told();
  assert.deepEqual(typesOf(created), ['invoiceitem.created', 'customer.subscription.updated']);
  assert.deepEqual(Object.keys(created[1]!.previous!), ['items']);
  assert.deepEqual((await stripe.subscriptionItems.retrieve(made.id)).id, made.id);
  const changed = await stripe.subscriptionItems.update(made.id, { quantity: 5, metadata: { kind: '' }, proration_behavior: 'none' });
  assert.deepEqual([changed.quantity, changed.metadata], [5, {}]);
  assert.deepEqual(typesOf(await told()), ['customer.subscription.updated']);
  assert.deepEqual((await stripe.subscriptionItems.list({ subscription })).data.map((item) => item.price.id), [addOn, seat]);
  assert.deepEqual(await stripe.subscriptionItems.del(made.id, { proration_behavior: 'none' }).then(({ id, object, deleted }) => ({ id, object, deleted })), { id: made.id, object: 'subscription_item', deleted: true });
  await assert.rejects(stripe.subscriptionItems.retrieve(made.id), { code: 'resource_missing', statusCode: 404 });
  assert.deepEqual((await stripe.subscriptions.retrieve(subscription)).items.data.map((item) => item.price.id), [seat]);
});

test('the discounts of an item are its own', async () => {
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
  const made = await stripe.subscriptionItems.create({ subscription, price: addOn, discounts: [{ coupon: coupon.id }], expand: ['discounts'], proration_behavior: 'none' });
  assert.equal((made.discounts[0] as Stripe.Discount).subscription_item, made.id);
  const cleared = await stripe.subscriptionItems.update(made.id, { discounts: '' });
  assert.deepEqual(cleared.discounts, []);
  await stripe.subscriptionItems.del(made.id);
});

test('what is asked wrongly is refused by name', async () => {
  const [item] = (await stripe.subscriptions.retrieve(subscription)).items.data;
  const { subscriptionItems } = stripe;
  const refused: [() => Promise<unknown>, { param?: string; code?: string; statusCode?: number }][] = [
    [() => subscriptionItems.create({ subscription: 'sub_none', price: addOn }), { param: 'subscription', code: 'resource_missing' }],
    [() => subscriptionItems.create({ subscription, price: 'price_none' }), { param: 'price', code: 'resource_missing' }],
    [() => subscriptionItems.create({ subscription, price: seat }), { param: 'price' }],
    [() => subscriptionItems.create({ subscription }), { param: 'price', code: 'parameter_missing' }],
    [() => subscriptionItems.create({ subscription, price: addOn, tax_rates: ['txr_none'] }), { param: 'tax_rates[0]', code: 'resource_missing' }],
    [() => subscriptionItems.create({ subscription, price: addOn, discounts: [{ coupon: 'none' }] }), { param: 'discounts[0][coupon]', code: 'resource_missing' }],
    [() => subscriptionItems.create({ subscription, price: addOn, proration_date: 1 }), { param: 'proration_date' }],
    [() => subscriptionItems.update(item!.id, { quantity: -1 }), { param: 'quantity', code: 'parameter_invalid_integer' }],
    [() => subscriptionItems.update(item!.id, { payment_behavior: 'pending_if_incomplete', discounts: [{ coupon: 'SAVE' }] }), { param: 'discounts[0][coupon]', code: 'resource_missing' }],
    [() => subscriptionItems.update('si_none', { quantity: 1 }), { code: 'resource_missing', statusCode: 404 }],
    [() => subscriptionItems.del(item!.id), { statusCode: 400 }],
    [() => subscriptionItems.del('si_none'), { code: 'resource_missing', statusCode: 404 }],
    [() => subscriptionItems.list({ subscription: 'sub_none' }), { param: 'subscription', code: 'resource_missing' }],
  ];
  for (const [ask, error] of refused) await assert.rejects(ask(), error);
});

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { DAY } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { untyped } from '../../tests/refused.ts';
import { seatPrice } from '../../tests/shop.ts';
import { listen, type Told } from '../../tests/told.ts';

let ahead = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead) });
after(() => kontor.close());
const told = listen(kontor);

const now = () => kontor.app.clock.now();
const summary = (events: readonly Told[]) => events.map(({ type, id, previous }) => ({ type, id, previous }));

test('a coupon of a part of the price, as it goes over the wire and into the event', async () => {
  const made = await kontor.stripe.coupons.create({ id: '25%OFF', percent_off: 12.3456, duration: 'repeating', duration_in_months: 3, max_redemptions: 5, name: 'Spring', metadata: { a: 'b' } });
  const { lastResponse: _, created, ...rest } = made;
  assert.deepEqual(rest, {
    id: '25%OFF',
    object: 'coupon',
    amount_off: null,
    currency: null,
    duration: 'repeating',
    duration_in_months: 3,
    livemode: false,
    max_redemptions: 5,
    metadata: { a: 'b' },
    name: 'Spring',
    percent_off: 12.3456,
    redeem_by: null,
    times_redeemed: 0,
    valid: true,
  });
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.deepEqual([event!.type, event!.data], ['coupon.created', { created, ...rest }]);
  assert.equal((await kontor.stripe.coupons.retrieve('25%OFF')).percent_off, 12.3456);
});

test('an amount off, in several currencies and for some products, which are told on demand', async () => {
  const { stripe } = kontor;
  const { id: product } = await stripe.products.create({ name: 'Reduced' });
  const made = await stripe.coupons.create({ amount_off: 500, currency: 'usd', currency_options: { eur: { amount_off: 450 } }, applies_to: { products: [product] } });
  assert.match(made.id, /^[0-9A-Za-z]{8}$/);
  assert.deepEqual([made.amount_off, made.percent_off, made.duration], [500, null, 'once']);
  assert.equal('applies_to' in made || 'currency_options' in made, false);
  const expanded = await stripe.coupons.retrieve(made.id, { expand: ['applies_to', 'currency_options'] });
  assert.deepEqual(expanded.applies_to, { products: [product] });
  assert.deepEqual(expanded.currency_options, { usd: { amount_off: 500 }, eur: { amount_off: 450 } });
  const changed = await stripe.coupons.update(made.id, { currency_options: { eur: { amount_off: 400 }, gbp: { amount_off: 350 } }, expand: ['currency_options'] });
  assert.deepEqual(changed.currency_options, { usd: { amount_off: 500 }, eur: { amount_off: 400 }, gbp: { amount_off: 350 } });
});

test('an amount off is given only where it is one in the currency of what is bought', async () => {
  const { stripe } = kontor;
  const customer = (await stripe.customers.create({ email: 'jenny@example.com' })).id;
  const { id: coupon } = await stripe.coupons.create({ amount_off: 500, currency: 'eur' });
  const price = (await seatPrice(stripe, 1_000)).id;
  const subscribe = () => stripe.subscriptions.create({ customer, items: [{ price }], discounts: [{ coupon }], collection_method: 'send_invoice', days_until_due: 30 });
  const refused = { message: new RegExp(`^The coupon ${coupon} takes off an amount in eur, and this is in usd\\. `) };
  await assert.rejects(subscribe, { ...refused, param: 'discounts[0][coupon]' });
  await assert.rejects(stripe.invoices.create({ customer, currency: 'usd', discounts: [{ coupon }] }), refused);
  await assert.rejects(stripe.invoiceItems.create({ customer, amount: 900, currency: 'usd', discounts: [{ coupon }] }), refused);
  await assert.rejects(stripe.subscriptionSchedules.create({ customer, start_date: 'now', phases: [{ items: [{ price }], discounts: [{ coupon }], duration: { interval: 'month' } }] }), refused);
  assert.equal((await stripe.coupons.retrieve(coupon)).times_redeemed, 0);
  await stripe.coupons.update(coupon, { currency_options: { usd: { amount_off: 550 } } });
  const { latest_invoice } = await subscribe();
  assert.equal((await stripe.invoices.retrieve(latest_invoice as string)).total_discount_amounts![0]!.amount, 550);
});

test('the name and the metadata change, nothing else', async () => {
  const made = await kontor.stripe.coupons.create({ percent_off: 100, name: 'Old', metadata: { a: '1' } });
  await told();
  const changed = await kontor.stripe.coupons.update(made.id, { name: 'New', metadata: { b: '2' } });
  assert.deepEqual([changed.name, changed.metadata], ['New', { a: '1', b: '2' }]);
  assert.deepEqual(summary(await told()), [{ type: 'coupon.updated', id: made.id, previous: { metadata: { b: null }, name: 'Old' } }]);
  await kontor.stripe.coupons.update(made.id, { name: 'New' });
  assert.deepEqual(await told(), []);
  await assert.rejects(kontor.stripe.coupons.update(made.id, untyped({ percent_off: 50 })), { code: 'parameter_unknown', param: 'percent_off' });
  await assert.rejects(kontor.stripe.coupons.update(made.id, { currency_options: { eur: { amount_off: 1 } } }), { param: 'currency_options' });
});

test('a coupon is valid until its last second has passed', async () => {
  const made = await kontor.stripe.coupons.create({ percent_off: 10, redeem_by: now() + DAY });
  assert.equal(made.valid, true);
  ahead += (DAY + 5) * 1000;
  assert.equal((await kontor.stripe.coupons.retrieve(made.id)).valid, false);
});

test('a deleted coupon is gone, and its id is not used twice', async () => {
  const { stripe } = kontor;
  await stripe.coupons.create({ id: 'gone', percent_off: 10 });
  await told();
  const { lastResponse: _, ...answer } = await stripe.coupons.del('gone');
  assert.deepEqual(answer, { id: 'gone', object: 'coupon', deleted: true });
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.deepEqual([event!.type, event!.data['percent_off'], event!.data['valid']], ['coupon.deleted', 10, true]);
  await assert.rejects(stripe.coupons.retrieve('gone'), { code: 'resource_missing', statusCode: 404 });
  await assert.rejects(stripe.coupons.del('gone'), { code: 'resource_missing', statusCode: 404 });
  await assert.rejects(stripe.coupons.create({ id: 'gone', percent_off: 10 }), { code: 'resource_already_exists', param: 'id' });
  assert.equal((await stripe.coupons.list({ limit: 100 })).data.some((each) => each.id === 'gone'), false);
});

test('coupons are listed, newest first', async () => {
  const { stripe } = await kontor.another();
  for (const id of ['a', 'b', 'c']) await stripe.coupons.create({ id, percent_off: 1 });
  const first = await stripe.coupons.list({ limit: 2 });
  const rest = await stripe.coupons.list({ limit: 2, starting_after: first.data[1]!.id });
  assert.deepEqual([first.has_more, rest.has_more], [true, false]);
  assert.deepEqual([...first.data, ...rest.data].map((each) => each.id).sort(), ['a', 'b', 'c']);
  assert.equal((await stripe.coupons.list({ created: { lt: 1 } })).data.length, 0);
});

describe('a coupon is refused', () => {
  const table: [string, object, string | undefined, string][] = [
    ['which gives nothing', {}, 'parameter_missing', 'percent_off'],
    ['which gives a part and an amount', { percent_off: 1, amount_off: 1, currency: 'usd' }, 'parameters_exclusive', 'percent_off'],
    ['of 0 per cent', { percent_off: 0 }, 'parameter_invalid_integer', 'percent_off'],
    ['of more than everything', { percent_off: 100.01 }, 'parameter_invalid_integer', 'percent_off'],
    ['of less than nothing', { percent_off: -5 }, 'parameter_invalid_integer', 'percent_off'],
    ['of five decimal places', { percent_off: '1.23456' }, undefined, 'percent_off'],
    ['of an amount of 0', { amount_off: 0, currency: 'usd' }, 'parameter_invalid_integer', 'amount_off'],
    ['of an amount as a float', { amount_off: 1.5, currency: 'usd' }, 'parameter_invalid_integer', 'amount_off'],
    ['of an amount without a currency', { amount_off: 1 }, 'parameter_missing', 'currency'],
    ['of an amount in an unknown currency', { amount_off: 1, currency: 'xyz' }, undefined, 'currency'],
    ['of a part in a currency', { percent_off: 1, currency: 'usd' }, undefined, 'currency'],
    ['of a part with amounts', { percent_off: 1, currency_options: { eur: { amount_off: 1 } } }, undefined, 'currency_options'],
    ['of an amount in its own currency twice', { amount_off: 1, currency: 'usd', currency_options: { usd: { amount_off: 1 } } }, undefined, 'currency_options[usd]'],
    ['which repeats without an end', { percent_off: 1, duration: 'repeating' }, 'parameter_missing', 'duration_in_months'],
    ['which lasts forever and for months', { percent_off: 1, duration: 'forever', duration_in_months: 2 }, undefined, 'duration_in_months'],
    ['which lasts no month', { percent_off: 1, duration: 'repeating', duration_in_months: 0 }, 'parameter_invalid_integer', 'duration_in_months'],
    ['which nobody can have', { percent_off: 1, max_redemptions: 0 }, 'parameter_invalid_integer', 'max_redemptions'],
    ['which is over', { percent_off: 1, redeem_by: 1 }, undefined, 'redeem_by'],
    ['which can be had for six years', { percent_off: 1, redeem_by: Math.floor(Date.now() / 1000) + 6 * 366 * DAY }, undefined, 'redeem_by'],
    ['for an unknown product', { percent_off: 1, applies_to: { products: ['prod_none'] } }, 'resource_missing', 'applies_to[products][0]'],
    ['with an id of two words', { percent_off: 1, id: 'two words' }, undefined, 'id'],
  ];
  for (const [name, params, code, param] of table) test(name, () => assert.rejects(kontor.stripe.coupons.create(params as Stripe.CouponCreateParams), { code, param, statusCode: 400 }));
});

test('a coupon that may be redeemed three times is redeemed three times, however many come at once', async () => {
  const { stripe } = kontor;
  const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever', max_redemptions: 3 });
  const price = await seatPrice(stripe, 1000);
  const customers = await Promise.all(Array.from({ length: 8 }, () => stripe.customers.create()));
  const asked = await Promise.allSettled(customers.map(({ id }) => stripe.subscriptions.create({ customer: id, items: [{ price: price.id }], discounts: [{ coupon: coupon.id }], collection_method: 'send_invoice', days_until_due: 30 })));
  const refused = asked.flatMap((each) => (each.status === 'rejected' ? [(each.reason as Stripe.errors.StripeError).code] : []));
  assert.deepEqual(refused, Array.from({ length: 5 }, () => 'coupon_expired'));
  const { times_redeemed, valid } = await stripe.coupons.retrieve(coupon.id);
  assert.deepEqual([times_redeemed, valid], [3, false]);
});

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Stripe from 'stripe';
import { machineClock } from '../../server/clock.ts';
import { DAY } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { untyped } from '../../tests/refused.ts';
import { listen, typesOf } from '../../tests/told.ts';

let ahead = 0;

const kontor = await startKontor({ clock: machineClock(() => Date.now() + ahead) });
after(() => kontor.close());
const told = listen(kontor);
await kontor.stripe.coupons.create({ id: 'tenth', percent_off: 10, max_redemptions: 100 });
await told();

const now = () => kontor.app.clock.now();
type Create = Stripe.PromotionCodeCreateParams;
const codeOf = (params: Partial<Create>) => kontor.stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: 'tenth' }, ...params });

test('a promotion code as it goes over the wire and into the event', async () => {
  const { id: customer } = await kontor.stripe.customers.create({});
  await told();
  const expires_at = now() + DAY;
  const made = await codeOf({
    code: 'Summer-26', customer, expires_at, max_redemptions: 3, metadata: { a: 'b' },
    restrictions: { first_time_transaction: true, minimum_amount: 1000, minimum_amount_currency: 'usd', currency_options: { eur: { minimum_amount: 900 } } },
  });
  const { lastResponse: _, id, created, ...rest } = made;
  assert.match(id, /^promo_/);
  assert.deepEqual(rest, {
    object: 'promotion_code',
    active: true,
    code: 'Summer-26',
    customer,
    customer_account: null,
    expires_at,
    livemode: false,
    max_redemptions: 3,
    metadata: { a: 'b' },
    promotion: { coupon: 'tenth', type: 'coupon' },
    restrictions: { first_time_transaction: true, minimum_amount: 1000, minimum_amount_currency: 'usd' },
    times_redeemed: 0,
  });
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.deepEqual([event!.type, event!.data], ['promotion_code.created', { id, created, ...rest }]);
  const expanded = await kontor.stripe.promotionCodes.retrieve(id, { expand: ['promotion.coupon', 'customer', 'restrictions.currency_options'] });
  assert.equal((expanded.promotion.coupon as Stripe.Coupon).percent_off, 10);
  assert.equal((expanded.customer as Stripe.Customer).id, customer);
  assert.deepEqual(expanded.restrictions.currency_options, { eur: { minimum_amount: 900 } });
});

test('a code is made up where none is given', async () => {
  const made = await codeOf({});
  assert.match(made.code, /^[0-9A-Z]{8}$/);
});

test('metadata, restrictions in other currencies and whether it is active can change', async () => {
  const made = await codeOf({ code: 'CHANGES', restrictions: { minimum_amount: 10, minimum_amount_currency: 'usd' } });
  await told();
  const changed = await kontor.stripe.promotionCodes.update(made.id, { active: false, metadata: { a: '1' }, restrictions: { currency_options: { eur: { minimum_amount: 9 } } }, expand: ['restrictions.currency_options'] });
  assert.deepEqual([changed.active, changed.metadata, changed.restrictions.currency_options], [false, { a: '1' }, { eur: { minimum_amount: 9 } }]);
  const [event, ...others] = await told();
  assert.deepEqual(others, []);
  assert.deepEqual([event!.type, event!.previous], ['promotion_code.updated', { active: true, metadata: { a: null } }]);
  assert.equal((await kontor.stripe.promotionCodes.update(made.id, { active: true })).active, true);
  await assert.rejects(kontor.stripe.promotionCodes.update(made.id, { restrictions: { currency_options: { usd: { minimum_amount: 9 } } } }), { param: 'restrictions[currency_options][usd]' });
  await assert.rejects(kontor.stripe.promotionCodes.update(made.id, untyped({ code: 'OTHER' })), { code: 'parameter_unknown', param: 'code' });
});

test('an active code is unique whatever its case: one for all customers, or one for each', async () => {
  const { stripe } = kontor;
  const [one, other] = await Promise.all([stripe.customers.create({}), stripe.customers.create({})]);
  await codeOf({ code: 'TEAM', customer: one.id });
  await codeOf({ code: 'team', customer: other.id });
  const taken = { code: 'resource_already_exists', param: 'code', statusCode: 400 };
  await assert.rejects(codeOf({ code: 'Team', customer: one.id }), taken);
  await assert.rejects(codeOf({ code: 'TEAM' }), taken);
  const all = await codeOf({ code: 'ALL' });
  await assert.rejects(codeOf({ code: 'all' }), taken);
  await assert.rejects(codeOf({ code: 'all', customer: one.id }), taken);
  const idle = await codeOf({ code: 'all', active: false });
  assert.equal(idle.active, false);
  await assert.rejects(stripe.promotionCodes.update(idle.id, { active: true }), taken);
  await stripe.promotionCodes.update(all.id, { active: false });
  assert.equal((await stripe.promotionCodes.update(idle.id, { active: true })).active, true);
});

test('a code that has expired is not active, cannot be, and leaves its letters to the next one', async () => {
  const { stripe } = kontor;
  const old = await codeOf({ code: 'BRIEF', expires_at: now() + 60 });
  assert.equal(old.active, true);
  ahead += 65_000;
  assert.equal((await stripe.promotionCodes.retrieve(old.id)).active, false);
  await assert.rejects(stripe.promotionCodes.update(old.id, { active: true }), { param: 'active', statusCode: 400 });
  await told();
  const next = await codeOf({ code: 'brief' });
  assert.deepEqual(typesOf(await told()), ['promotion_code.created']);
  const listed = async (params: Stripe.PromotionCodeListParams) => (await stripe.promotionCodes.list({ code: 'Brief', ...params })).data.map((each) => each.id);
  assert.deepEqual(await listed({}), [next.id, old.id]);
  assert.deepEqual(await listed({ active: true }), [next.id]);
  assert.deepEqual(await listed({ active: false }), [old.id]);
});

test('a code is as active as its coupon', async () => {
  const { stripe } = kontor;
  await stripe.coupons.create({ id: 'short', percent_off: 5, redeem_by: now() + 60 });
  const code = await codeOf({ code: 'SHORT', promotion: { type: 'coupon', coupon: 'short' } });
  assert.equal(code.active, true);
  ahead += 65_000;
  assert.equal((await stripe.promotionCodes.retrieve(code.id)).active, false);
  await assert.rejects(codeOf({ promotion: { type: 'coupon', coupon: 'short' } }), { code: 'coupon_expired', param: 'promotion[coupon]' });
  await stripe.coupons.create({ id: 'doomed', percent_off: 5 });
  const other = await codeOf({ code: 'DOOMED', promotion: { type: 'coupon', coupon: 'doomed' } });
  await stripe.coupons.del('doomed');
  assert.equal((await stripe.promotionCodes.retrieve(other.id)).active, false);
});

test('codes are listed by what they are', async () => {
  const { stripe } = await kontor.another();
  await stripe.coupons.create({ id: 'x', percent_off: 5 });
  await stripe.coupons.create({ id: 'y', percent_off: 5 });
  const { id: customer } = await stripe.customers.create({});
  const a = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: 'x' }, customer });
  const b = await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: 'y' } });
  const ids = async (params: Stripe.PromotionCodeListParams) => (await stripe.promotionCodes.list(params)).data.map((each) => each.id);
  assert.deepEqual(await ids({}), [b.id, a.id]);
  assert.deepEqual(await ids({ coupon: 'x' }), [a.id]);
  assert.deepEqual(await ids({ customer }), [a.id]);
  assert.deepEqual(await ids({ created: { gt: b.created } }), []);
});

test('a caller of an older version gets and gives the coupon where it was', async () => {
  const old = kontor.client(kontor.key, { apiVersion: '2025-08-27.basil' });
  const made = (await old.promotionCodes.create(untyped({ coupon: 'tenth', code: 'BASIL' }))) as unknown as { code: string; coupon: { id: string; percent_off: number } };
  assert.deepEqual([made.code, made.coupon.id, made.coupon.percent_off], ['BASIL', 'tenth', 10]);
});

describe('a promotion code is refused', () => {
  const future = Math.floor(Date.now() / 1000) + 300 * DAY;
  const table: [string, object, string | undefined, string][] = [
    ['without a promotion', { promotion: undefined }, 'parameter_missing', 'promotion'],
    ['without a coupon', { promotion: { type: 'coupon' } }, 'parameter_missing', 'promotion[coupon]'],
    ['of another type', { promotion: { type: 'gift', coupon: 'tenth' } }, undefined, 'promotion[type]'],
    ['for an unknown coupon', { promotion: { type: 'coupon', coupon: 'none' } }, 'resource_missing', 'promotion[coupon]'],
    ['for an unknown customer', { customer: 'cus_none' }, 'resource_missing', 'customer'],
    ['for an account', { customer_account: 'acct_1' }, 'parameter_unknown', 'customer_account'],
    ['with signs in its code', { code: 'A B' }, undefined, 'code'],
    ['when it is over', { expires_at: 1 }, undefined, 'expires_at'],
    ['when it can be used more often than its coupon', { max_redemptions: 101 }, undefined, 'max_redemptions'],
    ['when nobody can use it', { max_redemptions: 0 }, 'parameter_invalid_integer', 'max_redemptions'],
    ['with a minimum in no currency', { restrictions: { minimum_amount: 5 } }, 'parameter_missing', 'restrictions[minimum_amount_currency]'],
    ['with the currency of no minimum', { restrictions: { minimum_amount_currency: 'usd' } }, 'parameter_missing', 'restrictions[minimum_amount]'],
    ['with minimums in other currencies only', { restrictions: { currency_options: { eur: { minimum_amount: 5 } } } }, 'parameter_missing', 'restrictions[minimum_amount]'],
    ['with two minimums in one currency', { restrictions: { minimum_amount: 5, minimum_amount_currency: 'usd', currency_options: { usd: { minimum_amount: 5 } } } }, undefined, 'restrictions[currency_options][usd]'],
    ['with a minimum as a float', { restrictions: { minimum_amount: 5.5, minimum_amount_currency: 'usd' } }, 'parameter_invalid_integer', 'restrictions[minimum_amount]'],
  ];
  for (const [name, params, code, param] of table) test(name, () => assert.rejects(codeOf(params as Partial<Create>), { code, param, statusCode: 400 }));

  test('when it is to outlive its coupon', async () => {
    await kontor.stripe.coupons.create({ id: 'month', percent_off: 5, redeem_by: now() + 30 * DAY });
    await assert.rejects(codeOf({ promotion: { type: 'coupon', coupon: 'month' }, expires_at: future }), { param: 'expires_at' });
  });
});

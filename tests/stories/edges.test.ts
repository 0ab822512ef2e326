/** Lives at the edges of calendars, currencies and intervals, and without a card; each with what it costs worked out beside it. The whole paper is in goldens/. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { at } from '../../examples/helpdesk/time.ts';
import { startKontor } from '../kontor.ts';
import { begin } from './story.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

type More = Partial<Stripe.PriceCreateParams>;
const priced = async (name: string, unit_amount: number, more: More = {}): Promise<string> =>
  (await stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month' }, product_data: { name }, ...more })).id;

const first = (subscription: Stripe.Subscription): string => subscription.items.data[0]!.id;
const days = async (customer: string) => (await stripe.invoices.list({ customer, limit: 100 })).data.map((invoice) => new Date(invoice.created * 1000).toISOString().slice(0, 10)).reverse();

test('two intervals in one subscription each keep their own time, and meet on one invoice', async (t) => {
  const [week, month] = [await priced('Cleaning', 700, { recurring: { interval: 'week' } }), await priced('Room', 1_000)];
  const zoe = await begin(kontor, '2026-02-23T08:00', { name: 'Zoe', invoice_prefix: 'ZOE' });
  await zoe.tells('Zoe rents a room, which is cleaned by the week.', () => stripe.subscriptions.create({ customer: zoe.customer, items: [{ price: week }, { price: month }] }));
  await zoe.until('2026-03-23T10:00');
  // February has 28 days, so that the fifth week begins with the second month.
  assert.deepEqual(await days(zoe.customer), ['2026-02-23', '2026-03-02', '2026-03-09', '2026-03-16', '2026-03-23']);
  assert.deepEqual(await zoe.totals(), [1_700, 700, 700, 700, 1_700]);
  await zoe.isTold(t, 'weeks_and_months');
});

test('what began on 29 February is renewed on the 28th, and on the 29th again in a leap year', async (t) => {
  const domain = await priced('Domain', 1_200, { recurring: { interval: 'year' } });
  const abe = await begin(kontor, '2028-02-29T12:00', { name: 'Abe', invoice_prefix: 'ABE' });
  await abe.tells('Abe registers a domain.', () => stripe.subscriptions.create({ customer: abe.customer, items: [{ price: domain }] }));
  for (const year of [2029, 2030, 2031, 2032]) await abe.until(`${year}-03-01T00:00`);
  assert.deepEqual(await days(abe.customer), ['2028-02-29', '2029-02-28', '2030-02-28', '2031-02-28', '2032-02-29']);
  assert.deepEqual(await abe.totals(), [1_200, 1_200, 1_200, 1_200, 1_200]);
  await abe.isTold(t, 'leap_day');
});

test('a yen has no parts, and every rounding is to a whole one', async (t) => {
  const seat = await priced('Zaseki', 1_999, { currency: 'jpy' });
  const coupon = await stripe.coupons.create({ name: '15 % off', percent_off: 15, duration: 'forever' });
  const tax = await stripe.taxRates.create({ display_name: 'JCT', percentage: 10, inclusive: false });
  const bea = await begin(kontor, '2026-06-01T00:00', { name: 'Bea', invoice_prefix: 'BEA' });
  const subscription = await bea.tells('Bea buys three seats.', () => stripe.subscriptions.create({ customer: bea.customer, items: [{ price: seat, quantity: 3 }], discounts: [{ coupon: coupon.id }], default_tax_rates: [tax.id] }));
  await bea.until('2026-06-16T00:00');
  await bea.tells('And a fourth one.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: first(subscription), quantity: 4 }], proration_behavior: 'always_invoice' }));
  await bea.until('2026-07-01T02:00');
  // 5,997 − 900 (899.55) = 5,097, with 510 (509.7) of tax.
  // Half of 5,097 back: −2,549 (2,548.5), tax −255 (254.9). Half of 7,996: 3,998 − 600 (half of 1,199) = 3,398, tax 340 (339.8).
  // 7,996 − 1,199 (1,199.4) = 6,797, with 680 (679.7) of tax.
  assert.deepEqual(await bea.totals(), [5_097 + 510, -2_549 - 255 + 3_398 + 340, 6_797 + 680]);
  await bea.isTold(t, 'in_yen');
});

test('a dinar has a thousand parts', async (t) => {
  const seat = await priced('Maq‘ad', 12_340, { currency: 'kwd' });
  const cyd = await begin(kontor, '2026-09-01T00:00', { name: 'Cyd', invoice_prefix: 'CYD' });
  const subscription = await cyd.tells('Cyd buys a seat.', () => stripe.subscriptions.create({ customer: cyd.customer, items: [{ price: seat }], collection_method: 'send_invoice', days_until_due: 30 }));
  await cyd.until('2026-09-11T00:00');
  await cyd.tells('And another one.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: first(subscription), quantity: 2 }] }));
  await cyd.until('2026-10-01T02:00');
  // 12.340. Then 24.680, and 20 of 30 days of 12.340 more: −8.227 (8,226.67) + 16.453 (16,453.33).
  assert.deepEqual(await cyd.totals(), [12_340, 24_680 - 8_227 + 16_453]);
  await cyd.isTold(t, 'in_dinars');
});

test('an invoice that is sent is paid by bank transfer, late', async (t) => {
  const seat = await priced('Stand', 25_000);
  const dov = await begin(kontor, '2026-01-12T09:00', { name: 'Dov', invoice_prefix: 'DOV' }, null);
  await dov.tells('Dov rents a stand, on account.', () => stripe.subscriptions.create({ customer: dov.customer, items: [{ price: seat }], collection_method: 'send_invoice', days_until_due: 14 }));
  await dov.until('2026-02-01T09:00');
  await dov.tells('His transfer arrives.', async () => stripe.invoices.pay((await stripe.invoices.list({ customer: dov.customer })).data[0]!.id, { paid_out_of_band: true }));
  await dov.until('2026-02-12T11:00');
  assert.deepEqual(await dov.totals(), [25_000, 25_000]);
  await dov.isTold(t, 'paid_by_transfer');
});

test('a trial without a card ends with its last day, and nothing is owed', async (t) => {
  const seat = await priced('Test', 9_900);
  const eli = await begin(kontor, '2026-08-03T10:00', { name: 'Eli', invoice_prefix: 'ELI' }, null);
  await eli.tells('Eli tries for a week, without a card.', () =>
    stripe.subscriptions.create({ customer: eli.customer, items: [{ price: seat }], trial_period_days: 7, trial_settings: { end_behavior: { missing_payment_method: 'cancel' } } }));
  await eli.until('2026-09-15T00:00');
  assert.deepEqual(await eli.totals(), [0]);
  await eli.isTold(t, 'trial_without_a_card');
});

test('whoever comes in the middle of a month pays its part, and from then on at the first', async (t) => {
  const seat = await priced('Garage', 6_200);
  const fay = await begin(kontor, '2026-01-20T00:00', { name: 'Fay', invoice_prefix: 'FAY' });
  await fay.tells('Fay rents a garage.', () => stripe.subscriptions.create({ customer: fay.customer, items: [{ price: seat }], billing_cycle_anchor: at('2026-02-01T00:00') }));
  await fay.until('2026-03-01T02:00');
  // 12 of 31 days of $62; a February; a March.
  assert.deepEqual(await fay.totals(), [2_400, 6_200, 6_200]);
  await fay.isTold(t, 'first_of_the_month');
});

test('from a month to a year, what is left of the month is given back and the year begins', async (t) => {
  const [month, year] = [await priced('Plan', 3_000), await priced('Plan', 30_000, { recurring: { interval: 'year' } })];
  const gil = await begin(kontor, '2026-04-01T00:00', { name: 'Gil', invoice_prefix: 'GIL' });
  const subscription = await gil.tells('Gil pays by the month.', () => stripe.subscriptions.create({ customer: gil.customer, items: [{ price: month }] }));
  await gil.until('2026-04-16T00:00');
  await gil.tells('Gil pays for a year.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: first(subscription), price: year }] }));
  await gil.until('2027-04-16T02:00');
  // $30; $300 less 15 of 30 days of $30; the next year on the same day.
  assert.deepEqual(await gil.totals(), [3_000, 30_000 - 1_500, 30_000]);
  assert.deepEqual(await days(gil.customer), ['2026-04-01', '2026-04-16', '2027-04-16']);
  await gil.isTold(t, 'month_to_year');
});

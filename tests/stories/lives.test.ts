/** Short lives, one idea each. What an invoice comes to is worked out beside it; the whole paper is in goldens/. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { verify } from '../../server/verify.ts';
import { startKontor } from '../kontor.ts';
import { begin } from './story.ts';

const kontor = await startKontor();
const { stripe } = kontor;
const meter = await stripe.billing.meters.create({ display_name: 'Calls', event_name: 'call', default_aggregation: { formula: 'sum' } });
const price = await stripe.prices.create({ currency: 'usd', unit_amount: 10, recurring: { interval: 'month', usage_type: 'metered', meter: meter.id }, product_data: { name: 'Call' } });
const calls = { meter: meter.id, price: price.id };

after(async () => {
  const findings = await verify(kontor.database, () => undefined);
  await kontor.close();
  assert.deepEqual(findings, []);
});

/** A price by the seat, in cents. */
async function seats(name: string, unit_amount: number, interval: 'month' | 'year' = 'month'): Promise<string> {
  const price = await stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval }, product_data: { name } });
  return price.id;
}

const itemIn = (subscription: Stripe.Subscription, price: string): string => subscription.items.data.find((each) => each.price.id === price)!.id;

test('seats are sold by the month, and more of them in the middle of one', async (t) => {
  const seat = await seats('Seat', 2_000);
  const ada = await begin(kontor, '2026-02-01T00:00', { name: 'Ada', invoice_prefix: 'ADA' });
  const subscription = await ada.tells('Ada buys ten seats.', () => stripe.subscriptions.create({ customer: ada.customer, items: [{ price: seat, quantity: 10 }] }));
  await ada.until('2026-02-15T00:00');
  await ada.tells('Ada buys five more.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: itemIn(subscription, seat), quantity: 15 }] }));
  await ada.until('2026-03-01T02:00');
  // 10 × $20. Then 15 × $20 − 14 of 28 days of $200 + 14 of 28 days of $300.
  assert.deepEqual(await ada.totals(), [20_000, 30_000 - 10_000 + 15_000]);
  await ada.isTold(t, 'monthly_seats');
});

test('a trial is free, its usage too, and then it is paid for', async (t) => {
  const seat = await seats('Desk', 2_500);
  const ben = await begin(kontor, '2026-03-01T10:00', { name: 'Ben', invoice_prefix: 'BEN' });
  await ben.tells('Ben tries four desks for 14 days.', () =>
    stripe.subscriptions.create({ customer: ben.customer, items: [{ price: seat, quantity: 4 }, { price: calls.price }], trial_period_days: 14 }));
  await ben.until('2026-03-10T10:00');
  await ben.uses('call', 30, '2026-03-09T10:00');
  await ben.until('2026-03-20T10:00');
  await ben.uses('call', 40, '2026-03-19T10:00');
  await ben.until('2026-04-15T12:00');
  // The trial; 4 × $25; 4 × $25 and 40 calls at 10 cents, the 30 calls in the trial being free.
  assert.deepEqual(await ben.totals(), [0, 10_000, 10_000 + 400]);
  await ben.isTold(t, 'trial_to_paid');
});

test('what was used until the end of the period is billed after the subscription has ended', async (t) => {
  const seat = await seats('Line', 3_000);
  const cleo = await begin(kontor, '2026-04-10T08:00', { name: 'Cleo', invoice_prefix: 'CLEO' });
  const subscription = await cleo.tells('Cleo buys two lines.', () => stripe.subscriptions.create({ customer: cleo.customer, items: [{ price: seat, quantity: 2 }, { price: calls.price }] }));
  await cleo.until('2026-04-20T12:00');
  await cleo.tells('Cleo cancels at the end of the period.', () => stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true }));
  await cleo.until('2026-05-09T20:00');
  await cleo.uses('call', 200, '2026-05-09T18:00');
  await cleo.until('2026-06-15T00:00');
  // 2 × $30; then 200 calls at 10 cents, and no lines for another month.
  assert.deepEqual(await cleo.totals(), [6_000, 2_000]);
  await cleo.isTold(t, 'cancel_at_period_end');
});

test('a downgrade in mid-month gives back more than the next month costs, and the rest meets the month after', async (t) => {
  const [pro, basic] = [await seats('Pro', 9_000), await seats('Basic', 3_000)];
  const dora = await begin(kontor, '2026-04-01T00:00', { name: 'Dora', invoice_prefix: 'DORA' });
  const subscription = await dora.tells('Dora buys Pro.', () => stripe.subscriptions.create({ customer: dora.customer, items: [{ price: pro }] }));
  await dora.until('2026-04-11T00:00');
  await dora.tells('Dora goes down to Basic.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: itemIn(subscription, pro), price: basic }] }));
  await dora.until('2026-05-01T02:00');
  await dora.until('2026-06-01T02:00');
  // $90; then $30 − 20 of 30 days of $90 + 20 of 30 days of $30, put to the balance; then $30, of which $10 are met.
  assert.deepEqual(await dora.totals(), [9_000, 3_000 - 6_000 + 2_000, 3_000]);
  const { data } = await stripe.invoices.list({ customer: dora.customer });
  assert.deepEqual(data.map((invoice) => invoice.amount_due), [2_000, 0, 9_000]);
  await dora.isTold(t, 'downgrade');
});

test('seats are billed by the year and calls by the month', async (t) => {
  const seat = await seats('Yearly seat', 120_000, 'year');
  const eve = await begin(kontor, '2026-01-01T00:00', { name: 'Eve', invoice_prefix: 'EVE' });
  await eve.tells('Eve buys a seat for a year.', () => stripe.subscriptions.create({ customer: eve.customer, items: [{ price: seat }, { price: calls.price }] }));
  await eve.until('2026-01-31T00:00');
  await eve.uses('call', 50, '2026-01-20T00:00');
  await eve.until('2026-03-31T00:00');
  await eve.uses('call', 120, '2026-03-12T00:00');
  await eve.until('2026-12-31T00:00');
  await eve.uses('call', 30, '2026-12-24T18:00');
  await eve.until('2027-01-01T02:00');
  // A year; 50 calls in January, 120 in March; the next year and 30 calls. A month without calls has an invoice of nothing.
  assert.deepEqual(await eve.totals(), [120_000, 500, 0, 1_200, 0, 0, 0, 0, 0, 0, 0, 0, 120_000 + 300]);
  await eve.isTold(t, 'yearly_with_monthly_usage');
});

test('a coupon for three months is on three invoices, and not on the fourth', async (t) => {
  const seat = await seats('Studio', 5_000);
  const coupon = await stripe.coupons.create({ name: '20 % off for three months', percent_off: 20, duration: 'repeating', duration_in_months: 3 });
  const finn = await begin(kontor, '2026-01-05T09:30', { name: 'Finn', invoice_prefix: 'FINN' });
  await finn.tells('Finn rents a studio.', () => stripe.subscriptions.create({ customer: finn.customer, items: [{ price: seat }], discounts: [{ coupon: coupon.id }] }));
  await finn.until('2026-04-05T11:00');
  // $50 less 20 %, three times; on 5 April at 09:30 the three months are over.
  assert.deepEqual(await finn.totals(), [4_000, 4_000, 4_000, 5_000]);
  await finn.isTold(t, 'three_months_coupon');
});

test('what the customer has with us is used first', async (t) => {
  const seat = await seats('Locker', 2_000);
  const gus = await begin(kontor, '2026-05-01T12:00', { name: 'Gus', invoice_prefix: 'GUS', balance: -3_000 });
  await gus.tells('Gus, who has $30 with us, rents a locker.', () => stripe.subscriptions.create({ customer: gus.customer, items: [{ price: seat }] }));
  await gus.until('2026-07-01T14:00');
  assert.deepEqual(await gus.totals(), [2_000, 2_000, 2_000]);
  const { data } = await stripe.invoices.list({ customer: gus.customer });
  // Of $30 the first month takes $20, the second the $10 that are left.
  assert.deepEqual(data.map((invoice) => invoice.amount_due), [2_000, 1_000, 0]);
  await gus.isTold(t, 'customer_balance');
});

test('a card that is declined four times ends the subscription', async (t) => {
  const seat = await seats('Booth', 4_500);
  const hal = await begin(kontor, '2026-06-10T10:00', { name: 'Hal', invoice_prefix: 'HAL' });
  await hal.tells('Hal rents a booth.', () => stripe.subscriptions.create({ customer: hal.customer, items: [{ price: seat }] }));
  await hal.tells('Hal gives a card that will be declined.', async () => {
    const card = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: hal.customer });
    await stripe.customers.update(hal.customer, { invoice_settings: { default_payment_method: card.id } });
  });
  await hal.until('2026-08-01T00:00');
  assert.deepEqual(await hal.totals(), [4_500, 4_500]);
  await hal.isTold(t, 'declined_until_given_up');
});

test('a start in the past bills the months since then', async (t) => {
  const seat = await seats('Garage', 3_100);
  const ida = await begin(kontor, '2026-03-20T12:00', { name: 'Ida', invoice_prefix: 'IDA' });
  await ida.tells('Ida has had a garage since 5 January.', () =>
    stripe.subscriptions.create({ customer: ida.customer, items: [{ price: seat }], backdate_start_date: Date.UTC(2026, 0, 5, 12) / 1000 }));
  await ida.until('2026-04-05T14:00');
  // 5 January to 5 March, and 5 March to 5 April; then a month.
  assert.deepEqual(await ida.totals(), [2 * 3_100 + 3_100, 3_100]);
  await ida.isTold(t, 'backdated_start');
});

test('what began on the 31st is billed on the last day of short months, and on the 31st again', async (t) => {
  const seat = await seats('Mailbox', 1_000);
  const jo = await begin(kontor, '2026-01-31T10:00', { name: 'Jo', invoice_prefix: 'JOO' });
  await jo.tells('Jo rents a mailbox.', () => stripe.subscriptions.create({ customer: jo.customer, items: [{ price: seat }] }));
  await jo.until('2026-05-31T12:00');
  assert.deepEqual(await jo.totals(), [1_000, 1_000, 1_000, 1_000, 1_000]);
  const { data } = await stripe.invoices.list({ customer: jo.customer });
  const days = data.reverse().map((invoice) => new Date(invoice.created * 1000).toISOString().slice(5, 16));
  assert.deepEqual(days, ['01-31T10:00', '02-28T10:00', '03-31T10:00', '04-30T10:00', '05-31T10:00']);
  await jo.isTold(t, 'anchored_on_the_31st');
});

test('a subscription is paused over the summer', async (t) => {
  const seat = await seats('Boat', 6_200);
  const kim = await begin(kontor, '2026-05-01T10:00', { name: 'Kim', invoice_prefix: 'KIM' });
  const subscription = await kim.tells('Kim rents a boat, and pays for calls.', () => stripe.subscriptions.create({ customer: kim.customer, items: [{ price: seat }, { price: calls.price }] }));
  await kim.until('2026-05-16T22:00');
  await kim.uses('call', 30, '2026-05-12T10:00');
  await kim.tells('Kim pauses.', () => stripe.subscriptions.pause(subscription.id));
  await kim.until('2026-09-01T10:00');
  await kim.tells('Kim comes back, with a card that will be declined.', async () => {
    const card = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: kim.customer });
    await stripe.customers.update(kim.customer, { invoice_settings: { default_payment_method: card.id } });
    return stripe.subscriptions.resume(subscription.id, { payment_behavior: 'resume_on_payment_success' });
  });
  await kim.tells('Kim gives a better card.', async () => {
    const [late] = (await stripe.invoices.list({ customer: kim.customer, limit: 1 })).data;
    await stripe.customers.update(kim.customer, { invoice_settings: { default_payment_method: 'pm_card_visa' } });
    return stripe.invoices.pay(late!.id!);
  });
  await kim.tells('The harbour is closed: October is on the house.', () => stripe.subscriptions.update(subscription.id, { pause_collection: { behavior: 'void', resumes_at: Date.UTC(2026, 9, 15) / 1000 } }));
  await kim.until('2026-11-01T12:00');
  // $62. Then a month and 30 calls at 10 cents, less 15.5 of 31 days of $62; a month that is voided; a month.
  assert.deepEqual(await kim.totals(), [6_200, 6_200 - 3_100 + 300, 6_200, 6_200]);
  await kim.isTold(t, 'summer_pause');
});

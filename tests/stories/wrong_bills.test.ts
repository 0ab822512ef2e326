/** Bills that other engines have got wrong, in public: a life for each, with what is right worked out beside it. The whole paper is in goldens/. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { at } from '../../examples/helpdesk/time.ts';
import { until } from '../awaited.ts';
import { startKontor } from '../kontor.ts';
import { own } from '../own.ts';
import { report } from '../shop.ts';
import { begin } from './story.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const meter = await stripe.billing.meters.create({ display_name: 'Calls', event_name: 'call', default_aggregation: { formula: 'sum' } });
const calls = await priced('Call', 10, { recurring: { interval: 'month', usage_type: 'metered', meter: meter.id } });

/** The id of a price by the month, in cents. */
async function priced(name: string, unit_amount: number, more: Partial<Stripe.PriceCreateParams> = {}): Promise<string> {
  return (await stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval: 'month' }, product_data: { name }, ...more })).id;
}

const first = (subscription: Stripe.Subscription): string => subscription.items.data[0]!.id;

test('from free to paid on the same day, the day is billed once', async (t) => {
  const [free, pro] = [await priced('Free', 0), await priced('Pro', 3_000)];
  const lea = await begin(kontor, '2026-02-01T00:00', { name: 'Lea', invoice_prefix: 'LEA' });
  const subscription = await lea.tells('Lea begins with what is free.', () => stripe.subscriptions.create({ customer: lea.customer, items: [{ price: free }] }));
  await lea.until('2026-02-01T12:00');
  await lea.tells('At noon she wants more.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: first(subscription), price: pro }], proration_behavior: 'always_invoice' }));
  await lea.until('2026-03-01T02:00');
  // Nothing; 27.5 of 28 days of $30 = 2,946.43; $30.
  assert.deepEqual(await lea.totals(), [0, 2_946, 3_000]);
  await lea.isTold(t, 'free_to_paid');
});

test('a fee that is corrected before its invoice is billed once, as corrected', async (t) => {
  const seat = await priced('Seat', 2_000);
  const max = await begin(kontor, '2026-03-01T09:00', { name: 'Max', invoice_prefix: 'MAX' });
  const subscription = await max.tells('Max buys a seat.', () => stripe.subscriptions.create({ customer: max.customer, items: [{ price: seat }] }));
  const fee = await max.tells('A fee for the setup is to be on his next invoice.', () => stripe.invoiceItems.create({ customer: max.customer, subscription: subscription.id, amount: 50_000, currency: 'usd', description: 'Setup' }));
  await max.until('2026-03-20T09:00');
  await max.tells('It was agreed to be less.', () => stripe.invoiceItems.update(fee.id, { amount: 30_000 }));
  await max.until('2026-05-01T12:00');
  // $20; $20 and $300; $20.
  assert.deepEqual(await max.totals(), [2_000, 32_000, 2_000]);
  await max.isTold(t, 'corrected_fee');
});

test('a bill that was written wrongly is voided and written again, and nothing of it comes back', async (t) => {
  const seat = await priced('Chair', 4_000);
  const nia = await begin(kontor, '2026-04-01T08:00', { name: 'Nia', invoice_prefix: 'NIA' });
  await nia.tells('Nia rents a chair.', () => stripe.subscriptions.create({ customer: nia.customer, items: [{ price: seat }], collection_method: 'send_invoice', days_until_due: 14 }));
  const bill = (description: string, amount: number) => async () => {
    const { id } = await stripe.invoices.create({ customer: nia.customer, collection_method: 'send_invoice', days_until_due: 14, auto_advance: false });
    await stripe.invoices.addLines(id, { lines: [{ description, amount }] });
    return stripe.invoices.finalizeInvoice(id);
  };
  await nia.until('2026-04-10T08:00');
  const wrong = await nia.tells('Moving is billed, to the wrong amount.', bill('Moving', 90_000));
  await nia.tells('It is voided.', () => stripe.invoices.voidInvoice(wrong.id));
  const right = await nia.tells('It is written again.', bill('Moving', 9_000));
  await nia.tells('Nia pays by bank transfer.', () => stripe.invoices.pay(right.id, { paid_out_of_band: true }));
  await nia.until('2026-05-01T12:00');
  assert.deepEqual(await nia.totals(), [4_000, 90_000, 9_000, 4_000]);
  await nia.isTold(t, 'written_again');
});

test('an upgrade of a discounted plan gives back what was paid, not what it would have cost', async (t) => {
  const [small, large] = [await priced('Small', 10_000), await priced('Large', 20_000)];
  const coupon = await stripe.coupons.create({ name: '20 % off', percent_off: 20, duration: 'forever' });
  const oskar = await begin(kontor, '2026-04-01T00:00', { name: 'Oskar', invoice_prefix: 'OSK' });
  const subscription = await oskar.tells('Oskar buys the small plan.', () => stripe.subscriptions.create({ customer: oskar.customer, items: [{ price: small }], discounts: [{ coupon: coupon.id }] }));
  await oskar.until('2026-04-16T00:00');
  await oskar.tells('Oskar goes up, and pays at once.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: first(subscription), price: large }], proration_behavior: 'always_invoice' }));
  await oskar.until('2026-05-01T02:00');
  // $100 − 20 %. Half of what was paid back, −$40; half of $200 − 20 %, $80. Then $200 − 20 %.
  assert.deepEqual(await oskar.totals(), [8_000, -4_000 + 8_000, 16_000]);
  await oskar.isTold(t, 'discounted_upgrade');
});

test('seats that change with the next month are billed as they are then', async (t) => {
  const seat = await priced('Place', 2_000);
  const pia = await begin(kontor, '2026-05-01T10:00', { name: 'Pia', invoice_prefix: 'PIA' });
  const subscription = await pia.tells('Pia buys ten places.', () => stripe.subscriptions.create({ customer: pia.customer, items: [{ price: seat, quantity: 10 }] }));
  const places = (quantity: number) => () => stripe.subscriptions.update(subscription.id, { items: [{ id: first(subscription), quantity }], proration_behavior: 'none' });
  await pia.until('2026-05-10T10:00');
  await pia.tells('Six will do, from next month on.', places(6));
  await pia.until('2026-06-20T10:00');
  await pia.tells('And eight from the one after.', places(8));
  await pia.until('2026-07-01T12:00');
  assert.deepEqual(await pia.totals(), [20_000, 12_000, 16_000]);
  await pia.isTold(t, 'seats_from_next_month');
});

test('whoever ends on the first day gets all but an hour back', async (t) => {
  const line = await priced('Line', 3_000);
  const quin = await begin(kontor, '2026-04-01T00:00', { name: 'Quin', invoice_prefix: 'QUIN' });
  const subscription = await quin.tells('Quin buys a line.', () => stripe.subscriptions.create({ customer: quin.customer, items: [{ price: line }] }));
  await quin.until('2026-04-01T01:00');
  await quin.tells('An hour later he ends it.', () => stripe.subscriptions.cancel(subscription.id, { prorate: true, invoice_now: true }));
  await quin.until('2026-05-02T00:00');
  // 719 of 720 hours of $30 = 2,995.83.
  assert.deepEqual(await quin.totals(), [3_000, -2_996]);
  await quin.isTold(t, 'ended_on_the_first_day');
});

test('whoever ends with credit keeps it, and it pays for what comes', async (t) => {
  const locker = await priced('Box', 2_000);
  const rosa = await begin(kontor, '2026-05-01T12:00', { name: 'Rosa', invoice_prefix: 'ROSA', balance: -5_000 });
  const subscription = await rosa.tells('Rosa, who has $50 with us, rents a box.', () => stripe.subscriptions.create({ customer: rosa.customer, items: [{ price: locker }] }));
  await rosa.until('2026-05-20T12:00');
  await rosa.tells('Rosa ends it.', () => stripe.subscriptions.cancel(subscription.id));
  await rosa.until('2026-08-01T12:00');
  await rosa.tells('In August she is back, with two.', () => stripe.subscriptions.create({ customer: rosa.customer, items: [{ price: locker, quantity: 2 }] }));
  assert.deepEqual(await rosa.totals(), [2_000, 4_000]);
  const { data: [last] } = await stripe.invoices.list({ customer: rosa.customer });
  assert.equal(last!.amount_due, 1_000); // $40, of which the $30 that were left meet all but $10.
  await rosa.isTold(t, 'ended_with_credit');
});

test('a change that is sent twice is made once, and one that is clicked twice is charged once', async (t) => {
  const seat = await priced('Stool', 1_000);
  const sam = await begin(kontor, '2026-02-01T00:00', { name: 'Sam', invoice_prefix: 'SAM' });
  const subscription = await sam.tells('Sam buys five stools.', () => stripe.subscriptions.create({ customer: sam.customer, items: [{ price: seat, quantity: 5 }] }));
  await sam.until('2026-02-15T00:00');
  const seven = (idempotencyKey: string) => stripe.subscriptions.update(subscription.id, { items: [{ id: first(subscription), quantity: 7 }], proration_behavior: 'always_invoice' }, { idempotencyKey });
  await sam.tells('Two more. The answer is lost, so the program asks again.', async () => [await seven('two more'), await seven('two more')]);
  await sam.tells('Somebody clicks once more.', () => seven('another click'));
  await sam.until('2026-03-01T02:00');
  // Five; 14 of 28 days of two more at $10, once; seven.
  assert.deepEqual(await sam.totals(), [5_000, 1_000, 7_000]);
  await sam.isTold(t, 'clicked_twice');
});

test('usage that is sent four times is billed once, and what was sent under two names is taken back', async (t) => {
  const tess = await begin(kontor, '2026-03-01T00:00', { name: 'Tess', invoice_prefix: 'TESS' });
  await tess.tells('Tess pays for calls.', () => stripe.subscriptions.create({ customer: tess.customer, items: [{ price: calls }] }));
  await tess.until('2026-03-12T00:00');
  const send = (identifier: string, value: number) => stripe.billing.meterEvents.create({ event_name: 'call', identifier, timestamp: at('2026-03-11T10:00'), payload: { stripe_customer_id: tess.customer, value: String(value) } });
  await tess.tells('A hundred calls are reported, four times over.', async () => {
    for (let n = 0; n < 4; n += 1) await send('calls of 11 March', 100);
  });
  await tess.tells('A program that asks again makes up a new name for the same 100, and that is noticed.', async () => {
    await send('calls of 11 March, again', 100);
    await stripe.billing.meterEventAdjustments.create({ event_name: 'call', type: 'cancel', cancel: { identifier: 'calls of 11 March, again' } });
  });
  await tess.until('2026-04-01T02:00');
  assert.deepEqual(await tess.totals(), [1_000]);
  await tess.isTold(t, 'sent_four_times');
});

test('usage in the last second of a month is billed with it, and in the first one of the next with that', async (t) => {
  const uli = await begin(kontor, '2026-03-01T00:00', { name: 'Uli', invoice_prefix: 'ULI' });
  await uli.tells('Uli pays for calls.', () => stripe.subscriptions.create({ customer: uli.customer, items: [{ price: calls }] }));
  await uli.until('2026-03-31T23:59');
  await report(stripe, 'call', uli.customer, 5, at('2026-04-01T00:00') - 1);
  await uli.until('2026-04-01T00:30');
  await uli.uses('call', 7, '2026-04-01T00:00');
  // While the draft for March waits.
  await uli.uses('call', 3, '2026-03-31T18:00');
  await uli.until('2026-05-01T02:00');
  // 8 calls in March, 7 in April.
  assert.deepEqual(await uli.totals(), [80, 70]);
  await uli.isTold(t, 'edge_of_the_month');
});

test('what was used until an end at once is billed with it', async (t) => {
  const desk = await priced('Bench', 3_000);
  const vera = await begin(kontor, '2026-06-01T00:00', { name: 'Vera', invoice_prefix: 'VERA' });
  const subscription = await vera.tells('Vera rents a bench, and pays for calls.', () => stripe.subscriptions.create({ customer: vera.customer, items: [{ price: desk }, { price: calls }] }));
  await vera.until('2026-06-16T00:00');
  await vera.uses('call', 40, '2026-06-15T10:00');
  await vera.tells('Vera ends it now.', () => stripe.subscriptions.cancel(subscription.id, { prorate: true, invoice_now: true }));
  await vera.until('2026-07-02T00:00');
  // $30. 40 calls at 10 cents, and 15 of 30 days of $30 back.
  assert.deepEqual(await vera.totals(), [3_000, 400 - 1_500]);
  await vera.isTold(t, 'usage_until_the_end');
});

test('a renewal that is declined and then paid is one invoice, and the subscription is late only in between', async (t) => {
  const booth = await priced('Cabin', 4_500);
  const wim = await begin(kontor, '2026-06-10T10:00', { name: 'Wim', invoice_prefix: 'WIM' });
  const subscription = await wim.tells('Wim rents a cabin.', () => stripe.subscriptions.create({ customer: wim.customer, items: [{ price: booth }] }));
  const pays = async (card: string) => stripe.customers.update(wim.customer, { invoice_settings: { default_payment_method: (await stripe.paymentMethods.attach(card, { customer: wim.customer })).id } });
  await wim.tells('His card will be declined from now on.', () => pays('pm_card_chargeCustomerFail'));
  await wim.until('2026-07-11T12:00');
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'past_due');
  await wim.tells('He gives another one.', () => pays('pm_card_mastercard'));
  await wim.until('2026-08-10T12:00');
  assert.equal((await stripe.subscriptions.retrieve(subscription.id)).status, 'active');
  assert.deepEqual(await wim.totals(), [4_500, 4_500, 4_500]);
  await wim.isTold(t, 'declined_then_paid');
});

test('seats that go up and down within a month cost what the seats of each day cost', async (t) => {
  const seat = await priced('Berth', 3_100);
  const xenia = await begin(kontor, '2026-01-01T00:00', { name: 'Xenia', invoice_prefix: 'XEN' });
  const subscription = await xenia.tells('Xenia buys ten berths.', () => stripe.subscriptions.create({ customer: xenia.customer, items: [{ price: seat, quantity: 10 }] }));
  const berths = (quantity: number) => () => stripe.subscriptions.update(subscription.id, { items: [{ id: first(subscription), quantity }] });
  await xenia.until('2026-01-11T00:00');
  await xenia.tells('Two more.', berths(12));
  await xenia.until('2026-01-21T00:00');
  await xenia.tells('Three less.', berths(9));
  await xenia.until('2026-02-01T02:00');
  // At $1 a day: 10 × 10 + 10 × 12 + 11 × 9 = 319 days, of which 310 were paid. Then nine berths.
  assert.deepEqual(await xenia.totals(), [31_000, 27_900 + 900]);
  await xenia.isTold(t, 'seats_up_and_down');
});

test('a new price comes with the next month, for seats and for calls, and what was used before stays at the old one', async (t) => {
  const [old, dear, later] = [await priced('Tool', 2_000), await priced('Tool', 2_500), await priced('Call', 12, { recurring: { interval: 'month', usage_type: 'metered', meter: (await stripe.prices.retrieve(calls)).recurring!.meter! } })];
  const yan = await begin(kontor, '2026-09-01T00:00', { name: 'Yan', invoice_prefix: 'YAN' });
  const subscription = await yan.tells('Yan rents two tools, and pays for calls.', () => stripe.subscriptions.create({ customer: yan.customer, items: [{ price: old, quantity: 2 }, { price: calls }] }));
  await yan.until('2026-09-20T00:00');
  await yan.uses('call', 100, '2026-09-19T00:00');
  const move = async (from_price: string, to_price: string) => {
    const { id } = await own<{ id: string }>(stripe, 'POST', 'price_moves', { from_price, to_price, when: 'period_end', subscriptions: [subscription.id] });
    await own(stripe, 'POST', `price_moves/${id}/apply`);
    const status = async () => (await own<{ status: string }>(stripe, 'GET', `price_moves/${id}`)).status;
    await until(async () => (await status()) === 'applied');
  };
  await yan.tells('Both prices will be others from October on.', async () => {
    await move(old, dear);
    await move(calls, later);
  });
  await yan.until('2026-10-15T00:00');
  await yan.uses('call', 100, '2026-10-14T00:00');
  await yan.until('2026-11-01T02:00');
  // 2 × $20; 2 × $25 and 100 calls at 10 cents; 2 × $25 and 100 at 12.
  assert.deepEqual(await yan.totals(), [4_000, 5_000 + 1_000, 5_000 + 1_200]);
  await yan.isTold(t, 'new_prices');
});

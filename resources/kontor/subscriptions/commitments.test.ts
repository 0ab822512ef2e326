import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, FEBRUARY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explained, own, type Json } from '../../../tests/own.ts';
import { customerAt, meteredPrice, meterOf, report, seatPrice } from '../../../tests/shop.ts';

const MARCH = Date.UTC(2026, 2, 1) / 1_000;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const meter = (await meterOf(stripe, 'calls')).id;
const calls = (await meteredPrice(stripe, meter, 10)).id;
const dear = (await meteredPrice(stripe, meter, 20)).id;
const seat = (await seatPrice(stripe, 2_000)).id;

async function onClock(items: Stripe.SubscriptionCreateParams.Item[], more: Partial<Stripe.SubscriptionCreateParams> = {}): Promise<{ clock: string; customer: string; subscription: string }> {
  const { clock, customer } = await customerAt(stripe, START);
  return { clock, customer, subscription: (await stripe.subscriptions.create({ customer, items, ...more })).id };
}
const commitTo = (subscription: string, commitment: object | '') => own(stripe, 'POST', `subscriptions/${subscription}`, { commitment });
const use = (customer: string, value: number, timestamp?: number) => report(stripe, 'calls', customer, value, timestamp);
const latest = async (customer: string) => (await stripe.invoices.list({ customer, limit: 1 })).data[0]!;
const amounts = (invoice: Stripe.Invoice) => invoice.lines.data.map((line) => line.amount);

const sentencesOf = async (id: string): Promise<string[]> => (await explained(stripe, id)).lines.flatMap((line: Json) => line.sentences);

test('usage that comes to less than was agreed is made up to it, also where more is reported while the draft waits', async () => {
  const { clock, customer, subscription } = await onClock([{ price: seat, quantity: 1 }, { price: calls }], { billing_thresholds: { amount_gte: 400 } });
  const answer = await commitTo(subscription, { amount: 1_000, name: 'Annual deal' });
  assert.deepEqual([answer.object, answer.commitment], ['kontor.subscription', { amount: 1_000, currency: 'usd', name: 'Annual deal' }]);
  await use(customer, 40);
  await kontor.advance(clock, FEBRUARY);
  assert.deepEqual(amounts(await latest(customer)), [2_000, 0, 600]);
  await use(customer, 25, FEBRUARY - 60);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  const first = await latest(customer);
  assert.deepEqual([amounts(first), first.lines.data[2]!.description], [[2_000, 250, 350], 'Annual deal: usage made up to $10.00, of which $4.00 were billed before']);
  assert.ok((await sentencesOf(first.id)).includes('At least $10.00 of usage was agreed, and it came to $6.50, of which $4.00 stand on other invoices: $3.50 more is charged.'));
  await kontor.advance(clock, FEBRUARY + 5 * DAY);
  await use(customer, 130);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  const second = await latest(customer);
  assert.deepEqual(amounts(second), [2_000, 0, 0]);
  await sentencesOf(second.id);
  assert.equal((await commitTo(subscription, '')).commitment, null);
});

test('usage that comes after the invoice is put right together with what made it up', async () => {
  const { clock, customer, subscription } = await onClock([{ price: calls }]);
  await commitTo(subscription, { amount: 1_000 });
  await use(customer, 40);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  await use(customer, 25, FEBRUARY - 60);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  const next = await latest(customer);
  assert.deepEqual(amounts(next).sort((a, b) => a - b), [-250, 0, 250, 1_000]);
  const said = await sentencesOf(next.id);
  assert.ok(said.includes('At least $10.00 of usage was agreed, and it came to $6.50: $3.50 more is charged.'));
  assert.ok(said.some((each) => /made usage up by \$6\.00 before that usage was put right: \$3\.50 − \$6\.00 = -\$2\.50\.$/.test(each)));
  await use(customer, 50, FEBRUARY - 30);
  await kontor.advance(clock, MARCH + 33 * DAY);
  const last = await latest(customer);
  assert.deepEqual(amounts(last).sort((a, b) => a - b), [-350, 0, 500, 1_000]);
  await sentencesOf(last.id);
  await sentencesOf(next.id);
});

describe('where the price changes in the period, what was used before counts, and all of the commitment', () => {
  const changed = async (proration_behavior: 'create_prorations' | 'always_invoice') => {
    const { clock, customer, subscription } = await onClock([{ price: calls }]);
    await commitTo(subscription, { amount: 3_100 });
    await use(customer, 200, START);
    await kontor.advance(clock, START + 10 * DAY);
    const { items: { data: [item] } } = await stripe.subscriptions.retrieve(subscription);
    await stripe.subscriptions.update(subscription, { items: [{ id: item!.id, price: dear }], proration_behavior });
    await use(customer, 10);
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    await sentencesOf(renewed.id);
    return [amounts(renewed), renewed.lines.data.at(-1)!.description];
  };
  test('where it waits', async () => assert.deepEqual(await changed('create_prorations'), [[2_000, 200, 900], 'Commitment: usage made up to $31.00']));
  test('where it was billed at once', async () => assert.deepEqual(await changed('always_invoice'), [[200, 900], 'Commitment: usage made up to $31.00, of which $20.00 were billed before']));
});

describe('what comes late at a price before that was billed at once', () => {
  const changed = async () => {
    const { clock, customer, subscription } = await onClock([{ price: calls }]);
    await commitTo(subscription, { amount: 3_100 });
    await use(customer, 100, START);
    await kontor.advance(clock, START + 28 * DAY);
    const { items: { data: [item] } } = await stripe.subscriptions.retrieve(subscription);
    await stripe.subscriptions.update(subscription, { items: [{ id: item!.id, price: dear }], proration_behavior: 'always_invoice' });
    const invoice = await latest(customer);
    assert.deepEqual(amounts(invoice), [1_000]);
    await use(customer, 10);
    return { clock, customer, changed: invoice.id };
  };
  const late = (customer: string) => use(customer, 50, START + 27 * DAY);

  test('counts where it comes before the period ends', async () => {
    const { clock, customer, changed: earlier } = await changed();
    await kontor.advance(clock, START + 29 * DAY);
    await late(customer);
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    assert.deepEqual([amounts(renewed), renewed.lines.data.at(-1)!.description], [[500, 200, 1_400], 'Commitment: usage made up to $31.00, of which $15.00 were billed before']);
    await sentencesOf(earlier);
    await sentencesOf(renewed.id);
  });

  test('counts where it comes while the draft waits', async () => {
    const { clock, customer } = await changed();
    await kontor.advance(clock, FEBRUARY);
    assert.deepEqual(amounts(await latest(customer)), [200, 1_900]);
    await late(customer);
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    assert.deepEqual([amounts(renewed), renewed.lines.data[1]!.description], [[200, 1_400], 'Commitment: usage made up to $31.00, of which $15.00 were billed before']);
    await sentencesOf(renewed.id);
  });

  test('is put right together with what made it up, where it comes after that, again and again', async () => {
    const { clock, customer } = await changed();
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    assert.deepEqual(amounts(renewed), [200, 1_900]);
    await late(customer);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    const next = await latest(customer);
    assert.deepEqual(amounts(next).sort((a, b) => a - b), [-500, 0, 500, 3_100]);
    assert.ok((await sentencesOf(next.id)).some((each) => /made usage up by \$19\.00 before that usage was put right: \$14\.00 − \$19\.00 = -\$5\.00\.$/.test(each)));
    // More than was agreed, and less again: what is made up comes back from nothing to what is missing.
    await use(customer, 1_000, START + 26 * DAY);
    await own(stripe, 'POST', 'usage/corrections', { type: 'backfill', backfill: { event_name: 'calls', customer, start_time: START + 26 * DAY, end_time: START + 27 * DAY } });
    const { data } = await own<{ data: { amount: number }[] }>(stripe, 'GET', `invoice_corrections?invoice=${renewed.id}`);
    assert.deepEqual(data.map(({ amount }) => amount), [1_400, -1_400, -500]);
    await kontor.advance(clock, MARCH + 33 * DAY);
    const last = await latest(customer);
    assert.deepEqual(amounts(last).sort((a, b) => a - b), [0, 3_100]);
    for (const { id } of [renewed, next, last]) await sentencesOf(id);
  });
});

describe('what is voided of a period counts no more, and is made up', () => {
  const sent = { collection_method: 'send_invoice' as const, days_until_due: 30 };
  /** Ten dollars of usage at an earlier price, billed at once, and two at the present one. */
  const changed = async () => {
    const { clock, customer, subscription } = await onClock([{ price: calls }], sent);
    await commitTo(subscription, { amount: 3_100 });
    await use(customer, 100, START);
    await kontor.advance(clock, START + 10 * DAY);
    const { items: { data: [item] } } = await stripe.subscriptions.retrieve(subscription);
    await stripe.subscriptions.update(subscription, { items: [{ id: item!.id, price: dear }], proration_behavior: 'always_invoice' });
    const { id: earlier } = await latest(customer);
    await stripe.invoices.finalizeInvoice(earlier);
    await use(customer, 10);
    return { clock, customer, earlier };
  };

  test('at an earlier price, before the period ends', async () => {
    const { clock, customer, earlier } = await changed();
    await stripe.invoices.voidInvoice(earlier);
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    assert.deepEqual([amounts(renewed), renewed.lines.data[1]!.description], [[200, 2_900], 'Commitment: usage made up to $31.00']);
    await sentencesOf(renewed.id);
  });

  test('at an earlier price, while the draft waits', async () => {
    const { clock, customer, earlier } = await changed();
    await kontor.advance(clock, FEBRUARY);
    const draft = await latest(customer);
    assert.deepEqual([amounts(draft), draft.lines.data[1]!.description], [[200, 1_900], 'Commitment: usage made up to $31.00, of which $10.00 were billed before']);
    await stripe.invoices.voidInvoice(earlier);
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    assert.deepEqual([amounts(renewed), renewed.lines.data[1]!.description], [[200, 2_900], 'Commitment: usage made up to $31.00']);
    await sentencesOf(renewed.id);
  });

  test('at an earlier price, by the next invoice where it is voided afterwards', async () => {
    const { clock, customer, earlier } = await changed();
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    assert.ok((await sentencesOf(renewed.id)).includes('At least $31.00 of usage was agreed, and it came to $12.00, of which $10.00 stand on other invoices: $19.00 more is charged.'));
    await stripe.invoices.voidInvoice(earlier);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    const next = await latest(customer);
    assert.deepEqual(amounts(next), [1_000, 0, 3_100]);
    assert.ok((await sentencesOf(next.id)).some((each) => /made usage up by \$19\.00 before that usage was put right: \$29\.00 − \$19\.00 = \$10\.00\.$/.test(each)));
    await sentencesOf(renewed.id);
  });

  test('by a threshold, before the price changed, too', async () => {
    const { clock, customer, subscription } = await onClock([{ price: calls }], { ...sent, billing_thresholds: { amount_gte: 400 } });
    await commitTo(subscription, { amount: 3_100 });
    await use(customer, 40);
    await kontor.advance(clock, START + DAY);
    const { id: early } = await latest(customer);
    await use(customer, 10);
    await kontor.advance(clock, START + 10 * DAY);
    const { items: { data: [item] } } = await stripe.subscriptions.retrieve(subscription);
    await stripe.subscriptions.update(subscription, { items: [{ id: item!.id, price: dear }], proration_behavior: 'always_invoice' });
    await use(customer, 10);
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    // 400 by the threshold and 100 at the first price, 200 at the present one.
    assert.deepEqual(amounts(renewed), [200, 2_400]);
    await sentencesOf(renewed.id);
    await stripe.invoices.voidInvoice(early);
    await kontor.advance(clock, MARCH + 2 * HOUR);
    const next = await latest(customer);
    assert.deepEqual(amounts(next), [400, 0, 3_100]);
    await sentencesOf(next.id);
  });

  test('by a threshold, at the present price', async () => {
    const { clock, customer, subscription } = await onClock([{ price: calls }], { ...sent, billing_thresholds: { amount_gte: 400 } });
    await commitTo(subscription, { amount: 1_000 });
    await use(customer, 40);
    await kontor.advance(clock, START + DAY);
    await use(customer, 10);
    const { id: early } = await latest(customer);
    await kontor.advance(clock, FEBRUARY);
    assert.deepEqual(amounts(await latest(customer)), [100, 500]);
    await stripe.invoices.voidInvoice(early);
    await kontor.advance(clock, FEBRUARY + 2 * HOUR);
    const renewed = await latest(customer);
    assert.deepEqual(amounts(renewed), [100, 900]);
    assert.ok((await sentencesOf(renewed.id)).includes('At least $10.00 of usage was agreed, and it came to $1.00: $9.00 more is charged.'));
  });
});

test('a phase that begins with a period leaves the one before to be made up', async () => {
  const { clock, customer, subscription } = await onClock([{ price: calls }]);
  await commitTo(subscription, { amount: 3_100 });
  await use(customer, 50, START);
  const { id } = await stripe.subscriptionSchedules.create({ from_subscription: subscription });
  await stripe.subscriptionSchedules.update(id, { phases: [{ items: [{ price: calls }], start_date: START, end_date: FEBRUARY }, { items: [{ price: dear }], duration: { interval: 'month', interval_count: 1 } }] });
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  assert.deepEqual(amounts(await latest(customer)), [500, 2_600]);
});

test('of a period that a new anchor ends, a part is agreed, and of the new one all', async () => {
  const { clock, customer, subscription } = await onClock([{ price: calls }]);
  await commitTo(subscription, { amount: 3_100 });
  await use(customer, 20, START);
  await kontor.advance(clock, START + 10 * DAY);
  await stripe.subscriptions.update(subscription, { billing_cycle_anchor: { type: 'now' } });
  const ended = await latest(customer);
  assert.deepEqual(amounts(ended), [200, 800]);
  await sentencesOf(ended.id);
  await kontor.advance(clock, FEBRUARY + 10 * DAY + 2 * HOUR);
  assert.deepEqual(amounts(await latest(customer)), [0, 3_100]);
});

test('of a period that ends early, a part is agreed', async () => {
  const { clock, customer, subscription } = await onClock([{ price: calls }]);
  await commitTo(subscription, { amount: 3_100 });
  await kontor.advance(clock, START + 10 * DAY);
  await stripe.subscriptions.cancel(subscription, { invoice_now: true });
  const last = await latest(customer);
  assert.deepEqual(amounts(last), [0, 1_000]);
  await sentencesOf(last.id);
});

test('what nobody can commit to is refused by name', async () => {
  const { subscription } = await onClock([{ price: seat, quantity: 1 }]);
  await assert.rejects(commitTo(subscription, { amount: 100 }), { statusCode: 400, param: 'commitment' });
  await assert.rejects(commitTo(subscription, { amount: 0 }), { statusCode: 400, param: 'commitment[amount]' });
  await assert.rejects(commitTo(subscription, { name: 'x' }), { statusCode: 400, param: 'commitment[amount]' });
  await assert.rejects(commitTo('sub_none', { amount: 100 }), { statusCode: 404 });
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, FEBRUARY, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explained, own, type Json } from '../../../tests/own.ts';
import { customerAt, invoicesOf, meterOf, report, seatPrice } from '../../../tests/shop.ts';

const MARCH = Date.UTC(2026, 2, 1) / 1_000;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const onClock = () => customerAt(stripe, START);

async function metered(event_name: string, terms: Partial<Stripe.PriceCreateParams> = { unit_amount: 10 }): Promise<string> {
  const meter = (await stripe.billing.meters.list({ limit: 100 })).data.find((each) => each.event_name === event_name) ?? (await meterOf(stripe, event_name));
  return (await stripe.prices.create({ currency: 'usd', recurring: { interval: 'month', usage_type: 'metered', meter: meter.id }, product_data: { name: event_name }, ...terms })).id;
}

const include = (price: string, allowance: object | '') => own(stripe, 'POST', `prices/${price}`, { allowance });
const use = (event_name: string, customer: string, value: number, timestamp: number) => report(stripe, event_name, customer, value, timestamp);
const linesOf = async (customer: string) => (await invoicesOf(stripe, customer)).flatMap((invoice) => invoice.lines.data.map((line) => [line.amount, line.quantity, line.description]));

async function sentencesOf(customer: string): Promise<string[]> {
  const told = (await invoicesOf(stripe, customer)).map(({ id }) => explained(stripe, id));
  return (await Promise.all(told)).flatMap(({ lines }) => lines.flatMap((line: Json) => line.sentences));
}

test('an allowance for each seat is counted by the seats, shown on the line, and explained', async () => {
  const [seat, tokens] = [await seatPrice(stripe, 3_900), await metered('tokens')];
  assert.deepEqual(await include(tokens, { quantity: '20', per: 'seat', seat_product: seat.product }).then(({ lastResponse: _, ...rest }: any) => rest), {
    id: tokens, object: 'kontor.price', allowance: { per: 'seat', quantity: '20', seat_product: seat.product }, dimension_prices: null, price: tokens,
  });
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: seat.id, quantity: 3 }, { price: tokens }] });
  await use('tokens', customer, 73, START + 5);
  await kontor.advance(clock, FEBRUARY);
  // While the draft waits, it is counted anew, and includes the same.
  await use('tokens', customer, 4, FEBRUARY - 5);
  await kontor.advance(clock, FEBRUARY + 2 * 3_600);
  assert.deepEqual(await linesOf(customer), [[11_700, 3, '3 × Seat (at $39.00 / month)'], [11_700, 3, '3 × Seat (at $39.00 / month)'], [170, 77, '77 × tokens, 60 included (at $0.10 / month)']]);
  assert.ok((await sentencesOf(customer)).includes('Included are 20 for each of 3 seats, that is 60: 17 are charged.'));
});

test('an allowance of a part of a period is that part of it, so that a change of the price in mid-period does not give two', async () => {
  const [old, dear] = [await metered('pages'), await metered('pages', { unit_amount: 20 })];
  await include(old, { quantity: '100' });
  await include(dear, { quantity: '100' });
  const { clock, customer } = await onClock();
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: old }] });
  await use('pages', customer, 90, START + 5);
  await kontor.advance(clock, START + 15 * DAY);
  await stripe.subscriptions.update(subscription.id, { items: [{ id: subscription.items.data[0]!.id, price: dear }] });
  await kontor.advance(clock, START + 20 * DAY);
  await use('pages', customer, 60, START + 20 * DAY);
  await kontor.advance(clock, FEBRUARY + 2 * 3_600);
  // 15 of 31 days of 100 are 48.39, 16 of them 51.61.
  assert.deepEqual(await linesOf(customer), [[420, 90, '90 × pages, 48 included (at $0.10 / month)'], [160, 60, '60 × pages, 52 included (at $0.20 / month)']]);
  await sentencesOf(customer);
});

test('usage at the edges of periods, and at a cancellation, is billed once', async () => {
  const price = await metered('edges');
  const { clock, customer } = await onClock();
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price }] });
  await kontor.advance(clock, FEBRUARY + 10);
  // The last second of January belongs to January, whose draft still waits; the first second of February to February.
  for (const [value, at] of [[1, START], [2, FEBRUARY - 1], [4, FEBRUARY]] as const) await use('edges', customer, value, at);
  await kontor.advance(clock, MARCH - DAY);
  for (const [value, at] of [[8, MARCH - DAY - 1], [16, MARCH - DAY]] as const) await use('edges', customer, value, at);
  await kontor.advance(clock, MARCH - DAY + 1);
  await stripe.subscriptions.cancel(subscription.id, { invoice_now: true });
  assert.deepEqual((await linesOf(customer)).map(([amount, quantity]) => [amount, quantity]), [[30, 3], [280, 28]]);
  await sentencesOf(customer);
});

test('every way of pricing bills usage that came in pieces', async () => {
  const tiers = [{ up_to: 10, unit_amount: 20 }, { up_to: 'inf' as const, unit_amount: 5 }];
  const prices = [
    await metered('ways', { billing_scheme: 'tiered', tiers_mode: 'graduated', tiers }),
    await metered('ways', { billing_scheme: 'tiered', tiers_mode: 'volume', tiers }),
    await metered('ways', { unit_amount: 300, transform_quantity: { divide_by: 5, round: 'up' } }),
    await metered('ways', { billing_scheme: 'tiered', tiers_mode: 'graduated', tiers: [{ up_to: 10, flat_amount: 900 }, { up_to: 'inf', unit_amount: 50 }] }),
  ];
  const { clock, customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: prices.map((price) => ({ price })) });
  for (let n = 0; n < 4; n += 1) await use('ways', customer, 3, START + n);
  await kontor.advance(clock, FEBRUARY + 2 * 3_600);
  // 10 × 20 + 2 × 5; 12 × 5; 3 packages; 900 + 2 × 50.
  assert.deepEqual((await linesOf(customer)).map(([amount]) => amount), [210, 60, 900, 1_000]);
  await sentencesOf(customer);
});

test('what cannot include anything is refused by name, and terms that somebody has agreed to stay', async () => {
  const [licensed, free, had] = [await stripe.prices.create({ currency: 'usd', unit_amount: 100, recurring: { interval: 'month' }, product_data: { name: 'Desk' } }), await metered('refused'), await metered('had')];
  const { customer } = await onClock();
  await stripe.subscriptions.create({ customer, items: [{ price: had }] });
  const bad: [string, object | '', string | undefined, string, number][] = [
    [licensed.id, { quantity: '5' }, undefined, 'allowance[quantity]', 400],
    [free, { quantity: '0' }, undefined, 'allowance[quantity]', 400],
    [free, { per: 'seat' }, 'parameter_missing', 'allowance[quantity]', 400],
    [free, { quantity: '5', seat_product: licensed.product }, undefined, 'allowance[seat_product]', 400],
    [free, { quantity: '5', per: 'seat', seat_product: 'prod_none' }, 'resource_missing', 'allowance[seat_product]', 400],
    [had, { quantity: '5' }, undefined, 'allowance', 400],
    ['price_none', { quantity: '5' }, 'resource_missing', 'id', 404],
  ];
  for (const [price, allowance, code, param, status] of bad) {
    const error = await include(price, allowance).then(() => assert.fail(`${price} was changed`), (reason: Stripe.errors.StripeError) => reason);
    assert.deepEqual([error.statusCode, error.param, ...(code ? [error.code] : [])], [status, param, ...(code ? [code] : [])], error.message);
  }
  await include(free, { quantity: '5' });
  assert.equal(((await include(free, '')) as any).allowance, null);
});

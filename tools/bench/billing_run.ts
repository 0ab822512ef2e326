/**
 * The billing run: many subscriptions of three items (a seat, usage, an add-on), each with a coupon and a tax rate, due at one instant. Their renewal is measured against PostgreSQL taking
 * the same rows by COPY, inserted ones and new versions of updated ones alike, into tables with the same columns, keys and indexes.
 */
import Stripe from 'stripe';
import type { Instant } from '../../billing/decision.ts';
import { machineClock, type Clock } from '../../server/clock.ts';
import { inWorld } from '../../server/database/world.ts';
import { runDueTimers } from '../../server/timers.ts';
import type { Line } from './bench.ts';
import { copySeconds, type House } from './house.ts';

const STARTED: Instant = Date.UTC(2026, 0, 15) / 1_000;
const DUE: Instant = Date.UTC(2026, 1, 15) / 1_000;

export type MovedClock = Clock & { at: Instant };

/** The machine's clock, except for what time it is. */
export function movedClock(): MovedClock {
  const clock: MovedClock = { ...machineClock(), at: STARTED, now: () => clock.at };
  return clock;
}

/** One customer with the subscription that the others are copies of. Returns the subscription's id. */
async function original(stripe: Stripe): Promise<Stripe.Subscription> {
  const meter = await stripe.billing.meters.create({ display_name: 'Messages', event_name: 'message', default_aggregation: { formula: 'sum' } });
  const price = (name: string, more: Partial<Stripe.PriceCreateParams>) => stripe.prices.create({ currency: 'usd', product_data: { name }, recurring: { interval: 'month' }, ...more } as Stripe.PriceCreateParams);
  const seat = await price('Seat', { unit_amount: 3_900 });
  const addon = await price('Add-on', { unit_amount: 2_900 });
  const usage = await price('Messages', { unit_amount_decimal: Stripe.Decimal.from('0.4'), recurring: { interval: 'month', usage_type: 'metered', meter: meter.id } });
  const coupon = await stripe.coupons.create({ percent_off: 15, duration: 'forever' });
  const rate = await stripe.taxRates.create({ display_name: 'VAT', percentage: 19, inclusive: false });
  const customer = await stripe.customers.create({ name: 'Jenny', email: 'jenny@example.com', payment_method: 'pm_card_visa' });
  const [method] = (await stripe.customers.listPaymentMethods(customer.id)).data;
  return stripe.subscriptions.create({
    customer: customer.id,
    default_payment_method: method!.id,
    items: [{ price: seat.id, quantity: 5 }, { price: usage.id }, { price: addon.id }],
    discounts: [{ coupon: coupon.id }],
    default_tax_rates: [rate.id],
  });
}

/** Copies the rows of the original, with ids of their own, and reports usage for each copy. */
async function multiply(house: House, subscription: Stripe.Subscription, count: number): Promise<void> {
  const customer = subscription.customer as string;
  const numbered = (prefix: string) => `'${prefix}_' || lpad(n::text, 20, '0')`;
  const hashed = (text: string) => `('x' || encode(substr(sha256(convert_to(${text}, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint`;
  const copies: [table: string, where: string, changed: Record<string, string>][] = [
    ['customers', `id = '${customer}'`, { id: numbered('cus'), invoice_prefix: "'N' || n" }],
    ['subscriptions', `id = '${subscription.id}'`, { id: numbered('sub'), customer: numbered('cus') }],
    ...subscription.items.data.map((item, at): [string, string, Record<string, string>] => ['subscription_items', `id = '${item.id}'`, { id: numbered(`si_${at}`), subscription: numbered('sub') }]),
    ['discounts', `subscription = '${subscription.id}'`, { id: numbered('di'), customer: numbered('cus'), subscription: numbered('sub') }],
    ['timers', `subject = '${subscription.id}' and kind = 'subscription.renew'`, { subject: numbered('sub'), lane: numbered('cus') }],
    ['meter_events', 'true', { key: 'n', series: hashed(`world || chr(31) || meter || chr(31) || ${numbered('cus')}`), identifier: "'e' || n", customer: numbered('cus') }],
    ['meter_rollups', 'true', { customer: numbered('cus') }],
    ['meter_days', 'true', { customer: numbered('cus') }],
  ];
  await house.stripe.billing.meterEvents.create({ event_name: 'message', payload: { stripe_customer_id: customer, value: '1234' } });
  await inWorld(house.database.pool, house.world, async (tx) => {
    await tx.query('set local statement_timeout = 0');
    for (const [table, where, changed] of copies) {
      const columns = house.running.app.columns.get(table)!.columns.map(({ name }) => name);
      const values = columns.map((name) => changed[name] ?? `o."${name}"`).join(', ');
      await tx.query(`insert into ${table} (${columns.map((name) => `"${name}"`).join(', ')}) select ${values} from ${table} o, generate_series(1, ${count}) n where ${where}`);
    }
  });
  // As autovacuum would have by now; what the run fills is empty and is left to it.
  await house.database.asOwner((owner) => owner.query('analyze customers, subscriptions, subscription_items, discounts, timers, meter_events, meter_rollups, meter_days'));
}

/** What the run wrote: table and condition. */
const OUTPUT: [table: string, where: string][] = [
  ['invoices', `created = to_timestamp(${DUE})`],
  ['invoice_lines', `invoice in (select id from invoices where created = to_timestamp(${DUE}))`],
  ['events', `created = to_timestamp(${DUE})`],
  ['subscriptions', 'true'],
  ['subscription_items', 'true'],
  ['timers', 'true'],
];

export async function measureBillingRun(house: House, clock: MovedClock, count: number): Promise<Line> {
  clock.at = STARTED;
  await multiply(house, await original(house.stripe), count);
  clock.at = DUE;
  let peak = 0;
  const started = performance.now();
  while (await runDueTimers(house.running.app)) peak = Math.max(peak, process.memoryUsage().rss);
  const seconds = (performance.now() - started) / 1_000;
  const { rows: [made] } = await inWorld(house.database.pool, house.world, (tx) => tx.query<{ count: number }>(`select count(*)::int from invoices where created = to_timestamp(${DUE})`));
  if (made!.count !== count + 1) throw new Error(`${made!.count} invoices were made for ${count + 1} subscriptions.`);
  const copy = await copySeconds(house, OUTPUT);
  return {
    name: `Billing run over ${count.toLocaleString('en')} ÷ COPY`,
    ratio: copy.seconds / seconds,
    target: 0.25,
    detail: `${Math.round(count / seconds)} invoices/s; COPY takes the ${copy.rows.toLocaleString('en')} rows (${Math.round(copy.bytes / 2 ** 20)} MiB) at ${Math.round(count / copy.seconds)} invoices/s; memory at most ${Math.round(peak / 2 ** 20)} MiB`,
  };
}

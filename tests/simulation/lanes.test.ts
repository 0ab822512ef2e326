/**
 * Whatever is asked of one customer at the same moment, while its timers run: nothing waits in a circle, which the end of the test counts, nobody hears of a failure of ours, and what is stored holds together.
 * KONTOR_TEST_LANES sets how many customers there are, KONTOR_TEST_SEED where they begin.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { atOnce } from '../conformance/raw.ts';
import { seeded, type Random } from '../conformance/random.ts';
import { startKontor } from '../kontor.ts';
import { own } from '../own.ts';
import { meteredPrice, meterOf, paysBy, report, seatPrice } from '../shop.ts';

const COUNT = Number(process.env['KONTOR_TEST_LANES'] ?? 10);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);
/** So often several things are asked of each customer at once, and so many of them. */
const [ROUNDS, WIDTH] = [6, 5];
const START = Date.UTC(2026, 0, 15, 10) / 1_000;
const WEEK = 7 * 86_400;

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const meter = await meterOf(stripe, 'calls');
const [seat, calls] = await Promise.all([seatPrice(stripe, 1_000), meteredPrice(stripe, meter.id, 7)]);
const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
await stripe.billing.alerts.create({ alert_type: 'usage_threshold', title: 'Calls', usage_threshold: { gte: 3, meter: meter.id, recurrence: 'one_time' } });

/** Somebody who has a little of everything that has timers. `now` is where the clock was sent last; null in real time. */
type Customer = { id: string; clock: string | null; now: number | null; subscription: string; seats: string; invoices: string[]; drafts: string[]; payments: string[]; grants: string[]; topUp: string };

async function billed(customer: string, finalizes: boolean): Promise<string> {
  const { id } = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: !finalizes, payment_settings: { payment_method_types: ['card', 'customer_balance'] } });
  await stripe.invoiceItems.create({ customer, invoice: id, amount: 1_000, currency: 'usd' });
  if (finalizes) await stripe.invoices.finalizeInvoice(id);
  return id;
}

async function newCustomer(random: Random): Promise<Customer> {
  const clock = random.chance(0.5) ? (await stripe.testHelpers.testClocks.create({ frozen_time: START })).id : null;
  const { id } = await stripe.customers.create({ ...paysBy(), ...(clock !== null && { test_clock: clock }) });
  const billing_thresholds = random.chance(0.5) ? { amount_gte: 500 } : undefined;
  const { id: subscription, items: { data: [seats] } } = await stripe.subscriptions.create({ customer: id, items: [{ price: seat.id }, { price: calls.id }], billing_thresholds });
  const paid = async (payment_method: string) => (await stripe.paymentIntents.create({ customer: id, amount: 2_000, currency: 'usd', payment_method, confirm: true, off_session: true })).id;
  const top_up = await own(stripe, 'POST', 'credit_top_ups', { customer: id, amount: 500, currency: 'usd', threshold: 100 });
  return {
    id, clock, now: clock === null ? null : START, subscription, seats: seats!.id, topUp: top_up.id,
    invoices: [await billed(id, true), await billed(id, true), await billed(id, true)],
    drafts: [await billed(id, false), await billed(id, false)],
    payments: [await paid('pm_card_createDispute'), await paid('pm_card_visa')],
    grants: [await granted(id, clock === null ? null : START + WEEK), await granted(id, null)],
  };
}

async function granted(customer: string, expires_at: number | null): Promise<string> {
  const applicability_config = { scope: { price_type: 'metered' as const } };
  return (await stripe.billing.creditGrants.create({ customer, amount: { type: 'monetary', monetary: { currency: 'usd', value: 300 } }, applicability_config, ...(expires_at !== null && { expires_at }) })).id;
}

/** What may be asked of a customer at any time. What is not possible any more is refused. */
const ASKED: Record<string, (of: Customer, random: Random) => Promise<unknown>> = {
  'the clock goes on': async (of) => {
    if (of.clock !== null) await stripe.testHelpers.testClocks.advance(of.clock, { frozen_time: (of.now! += WEEK) });
  },
  'usage is reported': ({ id }, random) => report(stripe, 'calls', id, random.int(1, 90)),
  'an invoice is paid': ({ invoices }, random) => stripe.invoices.pay(random.pick(invoices)),
  'an invoice is paid elsewhere': ({ invoices }, random) => stripe.invoices.pay(random.pick(invoices), { paid_out_of_band: true }),
  'an invoice is voided': ({ invoices }, random) => stripe.invoices.voidInvoice(random.pick(invoices)),
  'an invoice is credited': ({ invoices }, random) => stripe.creditNotes.create({ invoice: random.pick(invoices), amount: 100 }),
  'a draft is finalized': ({ drafts }, random) => stripe.invoices.finalizeInvoice(random.pick(drafts)),
  'a draft is changed': ({ drafts }, random) => stripe.invoices.update(random.pick(drafts), { auto_advance: random.chance(0.5) }),
  'a draft is deleted': ({ drafts }, random) => stripe.invoices.del(random.pick(drafts)),
  'cash comes': ({ id }, random) => stripe.testHelpers.customers.fundCashBalance(id, { amount: random.int(1, 20) * 100, currency: 'usd' }),
  'cash is applied by hand': ({ id }, random) => stripe.customers.updateCashBalance(id, { settings: { reconciliation_mode: random.pick(['manual', 'automatic']) } }),
  'a payment is given back': ({ payments }, random) => stripe.refunds.create({ payment_intent: random.pick(payments), amount: 100 }),
  'a dispute is answered': async ({ payments }, random) => {
    for (const { id } of (await stripe.disputes.list({ payment_intent: payments[0]! })).data) await stripe.disputes.update(id, { evidence: { uncategorized_text: random.pick(['winning_evidence', 'losing_evidence']) }, submit: true });
  },
  'the subscription changes': ({ subscription, seats: id }, random) => stripe.subscriptions.update(subscription, { items: [{ id, quantity: random.int(1, 5) }], proration_behavior: 'always_invoice' }),
  'its thresholds change': ({ subscription }, random) => stripe.subscriptions.update(subscription, { billing_thresholds: random.chance(0.5) ? '' : { amount_gte: random.int(1, 9) * 100 } }),
  'its collection is paused': ({ subscription }) => stripe.subscriptions.update(subscription, { pause_collection: { behavior: 'void' } }),
  'it is canceled': ({ subscription }) => stripe.subscriptions.cancel(subscription, { invoice_now: true, prorate: true }),
  'another one begins': ({ id }) => stripe.subscriptions.create({ customer: id, items: [{ price: seat.id }], discounts: [{ coupon: coupon.id }] }),
  'credit is voided': ({ grants }, random) => stripe.billing.creditGrants.voidGrant(random.pick(grants)),
  'credit expires': ({ grants }, random) => stripe.billing.creditGrants.expire(random.pick(grants)),
  'credit is bought otherwise': ({ topUp }, random) => own(stripe, 'POST', `credit_top_ups/${topUp}`, { amount: random.int(5, 9) * 100 }),
  'a tax id comes': ({ id }) => stripe.customers.createTaxId(id, { type: 'eu_vat', value: 'DE000000000' }),
  'the customer is changed': ({ id }, random) => stripe.customers.update(id, { name: `Jenny ${random.int(1, 99)}` }),
  'the customer is deleted': ({ id }, random) => (random.chance(0.2) ? stripe.customers.del(id) : stripe.customers.retrieve(id)),
};

test(`${WIDTH} things at once, asked ${ROUNDS} times of each of ${COUNT} customers, never wait for each other in a circle`, async () => {
  const failed: string[] = [];
  await atOnce(Array.from({ length: COUNT }, (_, n) => SEED + n), 3, async (seed) => {
    const random = seeded(seed);
    const customer = await newCustomer(random);
    for (let round = 0; round < ROUNDS; round += 1) {
      const asked = Array.from({ length: WIDTH }, () => random.pick(Object.entries(ASKED)));
      await Promise.all(asked.map(([what, ask]) => ask(customer, random).catch(({ statusCode, message }: Stripe.errors.StripeError) => {
        if (statusCode === undefined || statusCode >= 500) failed.push(`${seed}: ${what}: ${message}`);
      })));
    }
  });
  assert.deepEqual(failed, []);
});

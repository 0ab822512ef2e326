/** Pauses on a moved clock, by the official client: of the collection of invoices, and of the subscription itself. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { verify } from '../../server/verify.ts';
import { HOUR, day } from '../../tests/days.ts';
import { startKontor } from '../../tests/kontor.ts';
import { untyped } from '../../tests/refused.ts';
import { billsOf, customerAt, invoicesOf, meterOf, paysBy, report } from '../../tests/shop.ts';
import { listen, typesOf } from '../../tests/told.ts';

const kontor = await startKontor();
const { stripe } = kontor;
const priceOf = async (unit_amount: number, recurring: Stripe.PriceCreateParams.Recurring = { interval: 'month' }) => (await stripe.prices.create({ currency: 'usd', unit_amount, recurring, product_data: { name: 'Seat' } })).id;
const told = listen(kontor);
const seat = await priceOf(3100);
after(async () => {
  const findings = await verify(kontor.database, () => undefined);
  await kontor.close();
  assert.deepEqual(findings, []);
});

const AT_ONCE = { payment_behavior: 'resume_on_payment_success' } as const;

async function live(more: Partial<Stripe.SubscriptionCreateParams> = {}, card: string | null = 'pm_card_visa', at = '2026-01-01') {
  const { clock, customer } = await customerAt(stripe, day(at), card === null ? {} : paysBy(card));
  const made = await stripe.subscriptions.create({ customer, items: [{ price: seat }], ...more });
  const said = async () => typesOf(await told()).filter((type) => !type.startsWith('test_helpers.'));
  await said();
  return {
    id: made.id,
    customer,
    item: (n = 0) => made.items.data[n]!.id,
    until: (to: string | number) => kontor.advance(clock, typeof to === 'number' ? to : day(to)),
    now: () => stripe.subscriptions.retrieve(made.id),
    said,
    pays: async (method: string) => {
      const { id } = await stripe.paymentMethods.attach(method, { customer });
      await stripe.customers.update(customer, { invoice_settings: { default_payment_method: id } });
      await said();
    },
    invoices: () => invoicesOf(stripe, customer),
    /** Oldest first: status, reason and the amounts of the lines. */
    bills: () => billsOf(stripe, customer),
    waits: async () => (await stripe.invoiceItems.list({ customer, pending: true })).data.reverse().map((each) => each.amount),
    status: async () => (await stripe.subscriptions.retrieve(made.id)).status,
  };
}
type Living = Awaited<ReturnType<typeof live>>;

const periodOf = ({ items }: Stripe.Subscription, n = 0) => [items.data[n]!.current_period_start, items.data[n]!.current_period_end];

async function metered(life: { event_name: string }) {
  const meter = await meterOf(stripe, life.event_name);
  return priceOf(10, { interval: 'month', usage_type: 'metered', meter: meter.id });
}
const use = (life: Living, event_name: string, value: number, at: string) =>
  report(stripe, event_name, life.customer, value, day(at));

test('while collection is paused drafts are kept, until a moment that was set', async () => {
  const life = await live();
  await life.until('2026-01-10');
  const paused = await stripe.subscriptions.update(life.id, { pause_collection: { behavior: 'keep_as_draft', resumes_at: day('2026-03-01') } });
  assert.deepEqual([paused.status, paused.pause_collection], ['active', { behavior: 'keep_as_draft', resumes_at: day('2026-03-01') }]);
  assert.deepEqual(await life.said(), ['customer.subscription.updated']);
  await life.until('2026-02-02');
  assert.deepEqual(await life.said(), ['customer.subscription.updated', 'invoice.created']);
  const [, draft] = await life.invoices();
  assert.deepEqual([draft!.status, draft!.auto_advance, draft!.automatically_finalizes_at, draft!.next_payment_attempt], ['draft', false, null, null]);
  await life.until('2026-03-01');
  assert.deepEqual(await life.said(), ['invoice.upcoming', 'customer.subscription.updated', 'customer.subscription.updated', 'invoice.created']);
  assert.equal((await life.now()).pause_collection, null);
  await life.until(day('2026-03-01') + HOUR);
  assert.deepEqual(await life.bills(), ['paid subscription_create 3100', 'draft subscription_cycle 3100', 'paid subscription_cycle 3100']);
});

test('while collection is paused invoices are voided, and leave the balance alone', async () => {
  const life = await live();
  await stripe.customers.update(life.customer, { balance: -500 });
  await stripe.subscriptions.update(life.id, { pause_collection: { behavior: 'void' } });
  await life.said();
  await life.until('2026-02-01');
  assert.deepEqual(await life.said(), ['customer.subscription.updated', 'invoice.created', 'payment_intent.created', 'invoice.finalized', 'invoice.voided', 'invoice.updated', 'payment_intent.canceled']);
  const [, given] = await life.invoices();
  assert.deepEqual([given!.status, given!.amount_due, given!.starting_balance, given!.ending_balance], ['void', 3100, 0, 0]);
  assert.equal(((await stripe.customers.retrieve(life.customer)) as Stripe.Customer).balance, -500);
  await life.until('2026-02-15');
  // What was given away is not given back: 14 of 28 days of $62.00, and no credit.
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 2 }] });
  assert.deepEqual(await life.waits(), [3100]);
  const cleared = await stripe.subscriptions.update(life.id, { pause_collection: '' });
  assert.equal(cleared.pause_collection, null);
  await life.until(day('2026-03-01') + HOUR);
  assert.deepEqual((await life.bills()).slice(1), ['void subscription_cycle 3100', 'paid subscription_cycle 3100 6200']);
});

test('while collection is paused invoices are written off, those of requests too', async () => {
  const life = await live();
  await stripe.subscriptions.update(life.id, { pause_collection: { behavior: 'mark_uncollectible' } });
  await life.said();
  await life.until('2026-02-01');
  assert.deepEqual(await life.said(), ['customer.subscription.updated', 'invoice.created', 'payment_intent.created', 'invoice.finalized', 'invoice.marked_uncollectible', 'invoice.updated']);
  const [, lost] = await life.invoices();
  assert.deepEqual([lost!.status, lost!.status_details?.uncollectible?.reason, lost!.attempted], ['uncollectible', 'subscription_paused', false]);
  await life.until('2026-02-15');
  const changed = await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 2 }], proration_behavior: 'always_invoice' });
  assert.deepEqual([changed.status, (await life.bills()).at(-1)], ['active', 'uncollectible subscription_update 3100']); // 14 of 28 days of $62.00
  assert.equal((await stripe.invoices.createPreview({ subscription: life.id })).total, 6200);
  // Nor is the debit of that invoice, which nobody paid, given back.
  await stripe.subscriptions.cancel(life.id, { prorate: true, invoice_now: true });
  assert.deepEqual((await life.bills()).length, 3);
});

test('two subscriptions of one customer are withheld at once, each invoice with its own number', async () => {
  const life = await live();
  const other = await stripe.subscriptions.create({ customer: life.customer, items: [{ price: seat }] });
  for (const id of [life.id, other.id]) await stripe.subscriptions.update(id, { pause_collection: { behavior: 'void' } });
  await life.until('2026-02-01');
  assert.deepEqual((await life.invoices()).map((invoice) => invoice.number!.slice(-4)), ['0001', '0002', '0003', '0004']);
});

test('a pause gives back what is not used and bills what was, and costs nothing until it is resumed', async () => {
  const calls = await metered({ event_name: 'paused_calls' });
  const life = await live({ items: [{ price: seat }, { price: calls }] });
  await life.until('2026-01-16');
  await use(life, 'paused_calls', 7, '2026-01-10');
  const paused = await stripe.subscriptions.pause(life.id);
  assert.deepEqual([paused.status, paused.status_details], ['paused', { paused: { subscription: { type: 'pause_requested' }, transitioned_at: day('2026-01-16'), type: 'subscription' } }]);
  assert.deepEqual(await life.said(), ['invoiceitem.created', 'invoiceitem.created', 'customer.subscription.updated', 'customer.subscription.paused']);
  assert.deepEqual(await life.waits(), [-1600, 70]); // 16 of 31 days of $31.00; 7 calls at $0.10
  await assert.rejects(stripe.invoices.createPreview({ subscription: life.id }), { code: 'invoice_upcoming_none' });
  await life.until('2026-03-10');
  assert.deepEqual(await life.said(), []);
  await use(life, 'paused_calls', 100, '2026-03-01');
  const shown = await stripe.invoices.createPreview({ subscription: life.id, subscription_details: { resume_at: 'now' } });
  const resumed = await stripe.subscriptions.resume(life.id, AT_ONCE);
  assert.deepEqual([resumed.status, resumed.status_details, resumed.billing_cycle_anchor], ['active', undefined, day('2026-03-10')]);
  assert.deepEqual(periodOf(resumed), [day('2026-03-10'), day('2026-04-10')]);
  assert.deepEqual(await life.bills(), ['paid subscription_create 3100', 'paid subscription_update -1600 70 3100']);
  assert.equal(shown.total, 1570);
  assert.deepEqual(await life.said(), [
    'customer.subscription.updated', 'invoice.created', 'payment_intent.created', 'invoice.finalized', 'charge.succeeded', 'payment_intent.succeeded', 'invoice_payment.paid',
    'invoice.updated', 'invoice.paid', 'invoice.payment_succeeded', 'customer.subscription.updated', 'customer.subscription.resumed',
  ]);
  await use(life, 'paused_calls', 5, '2026-03-10');
  await life.until(day('2026-04-10') + HOUR);
  assert.deepEqual((await life.bills()).at(-1), 'paid subscription_cycle 3100 50'); // of the usage, what came after the pause
});

test('what a pause bills for is chosen, and billed at once where that is asked for', async () => {
  const calls = await metered({ event_name: 'chosen_calls' });
  const rows: [Stripe.SubscriptionPauseParams, number[], string | null][] = [
    [{ invoicing_behavior: 'invoice' }, [], 'paid subscription_update -1600 70'],
    [{ bill_for: { unused_time_from: { type: 'item_current_period_start' } } }, [-3100, 70], null],
    [{ bill_for: { unused_time_from: { type: 'none' } } }, [70], null],
    [{ bill_for: { outstanding_usage_through: { type: 'none' } }, type: 'subscription' }, [-1600], null],
    [{ bill_for: { unused_time_from: { type: 'none' } }, invoicing_behavior: 'invoice' }, [], 'paid subscription_update 70'],
    [{ bill_for: { unused_time_from: { type: 'none' }, outstanding_usage_through: { type: 'none' } }, invoicing_behavior: 'invoice' }, [], null],
  ];
  for (const [params, waits, billed] of rows) {
    const life = await live({ items: [{ price: seat }, { price: calls }] });
    await life.until('2026-01-16');
    await use(life, 'chosen_calls', 7, '2026-01-10');
    const preview = stripe.invoices.createPreview({ subscription: life.id, subscription_details: { pause: { invoicing_behavior: 'pending_invoice_item', ...params } } });
    if (billed === null) await assert.rejects(preview, { code: 'invoice_upcoming_none' });
    else assert.equal(((await preview).lines.data.map((line) => line.amount)).join(' '), billed.split(' ').slice(2).join(' '));
    await stripe.subscriptions.pause(life.id, params);
    assert.deepEqual([await life.waits(), (await life.bills())[1] ?? null], [waits, billed], JSON.stringify(params));
    assert.equal(await life.status(), 'paused');
  }
});

test('resumed with its anchor, it pays for the rest of the period around the moment', async () => {
  const rows: [Stripe.SubscriptionResumeParams, number[], string | null][] = [
    [{}, [-1600, 1550], null], // 14 of 28 days of $31.00
    [{ proration_behavior: 'always_invoice' }, [], 'paid subscription_update -1600 1550'],
    [{ proration_behavior: 'none' }, [-1600], null],
    [{ proration_date: day('2026-02-08') }, [-1600, 2325], null], // 21 of 28 days
  ];
  for (const [params, waits, billed] of rows) {
    const life = await live();
    await life.until('2026-01-16');
    await stripe.subscriptions.pause(life.id);
    await life.until('2026-02-15');
    await life.said();
    const resumed = await stripe.subscriptions.resume(life.id, { billing_cycle_anchor: { type: 'unchanged' }, ...params });
    assert.deepEqual([resumed.status, resumed.billing_cycle_anchor, ...periodOf(resumed)], ['active', day('2026-01-01'), day('2026-02-01'), day('2026-03-01')]);
    assert.deepEqual([await life.waits(), (await life.bills())[1] ?? null], [waits, billed]);
    if (waits.length === 1) assert.deepEqual(await life.said(), ['customer.subscription.updated', 'customer.subscription.resumed']);
    await life.until(day('2026-03-01') + HOUR);
    assert.deepEqual((await life.bills()).at(-1), `paid subscription_cycle ${[...waits, 3100].join(' ')}`);
  }
});

test('what was paid for and not given back is not paid for twice', async () => {
  const life = await live();
  await life.until('2026-01-10');
  await stripe.subscriptions.pause(life.id, { bill_for: { unused_time_from: { type: 'none' } } });
  await life.until('2026-01-20');
  await stripe.subscriptions.resume(life.id, { billing_cycle_anchor: { type: 'unchanged' } });
  assert.deepEqual(await life.waits(), []);
  await stripe.subscriptions.update(life.id, { items: [{ id: life.item(), quantity: 2 }] });
  assert.deepEqual(await life.waits(), [-1200, 2400]); // 12 of 31 days
});

test('an attempt at the invoice of a resumption resumes it, late where it fails; the request itself makes none, and nor does time', async () => {
  const life = await live();
  await life.until('2026-01-16');
  await stripe.subscriptions.pause(life.id);
  await life.said();
  const waiting = await stripe.subscriptions.resume(life.id);
  assert.deepEqual([waiting.status, await life.said()], ['paused', ['customer.subscription.updated', 'invoice.created', 'payment_intent.created', 'invoice.finalized']]);
  await assert.rejects(stripe.subscriptions.resume(life.id), { statusCode: 400 });
  await life.pays('pm_card_chargeCustomerFail');
  const pay = (payment_method?: string) => stripe.invoices.pay(waiting.latest_invoice as string, payment_method ? { payment_method } : {});
  await assert.rejects(pay(), { type: 'StripeCardError' });
  assert.deepEqual([await life.status(), (await life.said()).slice(0, 3), (await life.said()).length], ['past_due', ['charge.failed', 'payment_intent.payment_failed', 'invoice.payment_failed'], 0]);
  const late = await stripe.invoices.retrieve(waiting.latest_invoice as string);
  assert.deepEqual([late.next_payment_attempt, late.auto_advance], [null, false]);
  await assert.rejects(pay(), { type: 'StripeCardError' });
  await life.until('2026-01-30');
  assert.equal(await life.status(), 'past_due');
  await pay('pm_card_visa');
  assert.equal(await life.status(), 'active');
  await life.until('2026-02-16');
  assert.deepEqual((await life.bills()).slice(1), ['paid subscription_update -1600 3100', 'draft subscription_cycle 3100']);
});

test('where the payment itself is asked for, it is tried at once and again by itself, and the subscription stays paused until it comes', async () => {
  const life = await live();
  await life.until('2026-01-16');
  await stripe.subscriptions.pause(life.id);
  await life.pays('pm_card_chargeCustomerFail');
  const waiting = await stripe.subscriptions.resume(life.id, AT_ONCE);
  assert.deepEqual([waiting.status, await life.said()], ['paused', [
    'customer.subscription.updated', 'invoice.created', 'payment_intent.created', 'invoice.finalized', 'charge.failed', 'payment_intent.payment_failed', 'invoice.payment_failed', 'invoice.updated', 'customer.updated',
  ]]);
  assert.equal((await stripe.invoices.retrieve(waiting.latest_invoice as string)).next_payment_attempt, day('2026-01-19'));
  await life.until('2026-01-20');
  assert.equal(await life.status(), 'paused');
  await life.pays('pm_card_visa');
  await life.until('2026-01-22');
  assert.deepEqual([await life.status(), await life.bills()], ['active', ['paid subscription_create 3100', 'paid subscription_update -1600 3100']]);
});

test('a payment for going on that never comes is awaited as long as the period lasts that it is for', async () => {
  const life = await live();
  await life.until('2026-01-16');
  await stripe.subscriptions.pause(life.id);
  await life.pays('pm_card_chargeCustomerFail');
  const { latest_invoice } = await stripe.subscriptions.resume(life.id, AT_ONCE);
  await life.until('2026-02-15');
  const tried = await stripe.invoices.retrieve(latest_invoice as string);
  assert.deepEqual([await life.status(), tried.status, tried.attempt_count, tried.auto_advance], ['paused', 'open', 4, false]);
  await life.until('2026-02-16');
  assert.deepEqual([await life.status(), await life.bills(), await life.waits()], ['paused', ['paid subscription_create 3100', 'void subscription_update -1600 3100'], [-1600]]);
});

test('unpaid after 23 hours the invoice is voided and the subscription stays paused; voided by hand too; written off it goes on', async () => {
  const life = await live({ trial_period_days: 5, trial_settings: { end_behavior: { missing_payment_method: 'pause' } } }, null);
  await life.until('2026-01-07');
  assert.deepEqual(await life.said(), ['customer.subscription.trial_will_end', 'customer.subscription.updated', 'customer.subscription.paused']);
  const paused = await life.now();
  assert.deepEqual([paused.status, paused.status_details?.paused.subscription.type, paused.status_details?.paused.transitioned_at], ['paused', 'trial_end_without_payment_method', day('2026-01-06')]);
  assert.deepEqual(await life.bills(), ['paid subscription_create 0']);
  const asked = await stripe.subscriptions.resume(life.id);
  assert.equal(asked.status, 'paused');
  await life.said();
  await life.until(day('2026-01-07') + 23 * HOUR);
  assert.deepEqual(await life.said(), ['invoice.voided', 'invoice.updated', 'payment_intent.canceled']);
  assert.equal(await life.status(), 'paused');
  const again = await stripe.subscriptions.resume(life.id);
  await stripe.invoices.voidInvoice(again.latest_invoice as string);
  assert.equal(await life.status(), 'paused');
  const third = await stripe.subscriptions.resume(life.id);
  await life.said();
  await stripe.invoices.markUncollectible(third.latest_invoice as string);
  assert.deepEqual(await life.said(), ['invoice.marked_uncollectible', 'invoice.updated', 'customer.subscription.updated', 'customer.subscription.resumed']);
  assert.equal(await life.status(), 'active');
  assert.deepEqual(await life.bills(), ['paid subscription_create 0', 'void subscription_update 3100', 'void subscription_update 3100', 'uncollectible subscription_update 3100']);
});

test('a resumption that is voided gives back the credit that its invoice took, and the balance', async () => {
  const life = await live();
  await life.until('2026-01-16');
  await stripe.subscriptions.pause(life.id);
  await stripe.customers.createBalanceTransaction(life.customer, { amount: -100, currency: 'usd' });
  assert.deepEqual(await life.waits(), [-1600]);
  await life.until('2026-02-10');
  const asked = await stripe.subscriptions.resume(life.id);
  assert.deepEqual([await life.waits(), (await life.invoices()).at(-1)!.amount_due], [[], 1400]);
  await stripe.invoices.voidInvoice(asked.latest_invoice as string);
  assert.deepEqual([await life.status(), await life.waits(), ((await stripe.customers.retrieve(life.customer)) as Stripe.Customer).balance], ['paused', [-1600], -100]);
  await stripe.subscriptions.resume(life.id, AT_ONCE);
  assert.deepEqual([await life.status(), (await life.bills()).at(-1)], ['active', 'paid subscription_update -1600 3100']);
});

test('a trial with a card becomes paid where a missing one would pause it', async () => {
  const life = await live({ trial_period_days: 5, trial_settings: { end_behavior: { missing_payment_method: 'pause' } } });
  await life.until(day('2026-01-06') + HOUR);
  assert.deepEqual([await life.status(), await life.bills()], ['active', ['paid subscription_create 0', 'paid subscription_cycle 3100']]);
});

test('a paused one ends when that was set, or at once, and bills nothing', async () => {
  const life = await live({ cancel_at: day('2026-02-10') });
  await life.until('2026-01-16');
  await stripe.subscriptions.pause(life.id, { bill_for: { unused_time_from: { type: 'none' } } });
  await life.said();
  await life.until('2026-03-01');
  assert.deepEqual([await life.status(), (await life.now()).ended_at, await life.said()], ['canceled', day('2026-02-10'), ['customer.subscription.deleted']]);
  const other = await live({ cancel_at_period_end: true });
  await other.until('2026-01-16');
  await stripe.subscriptions.pause(other.id);
  await other.until('2026-02-15');
  assert.equal(await other.status(), 'paused');
  assert.equal((await stripe.subscriptions.resume(other.id, AT_ONCE)).cancel_at, day('2026-03-15'));
  await stripe.subscriptions.pause(other.id);
  const ended = await stripe.subscriptions.cancel(other.id);
  assert.deepEqual([ended.status, ended.status_details], ['canceled', undefined]);
});

test('a phase that ended while a trial without a card was paused is over once it is resumed', async () => {
  const better = await priceOf(6200);
  const life = await live({ trial_period_days: 5, trial_settings: { end_behavior: { missing_payment_method: 'pause' } } }, null);
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: life.id });
  const [first] = schedule.phases;
  await stripe.subscriptionSchedules.update(schedule.id, {
    phases: [
      { start_date: first!.start_date, end_date: day('2026-01-10'), trial_end: day('2026-01-06'), items: [{ price: seat, quantity: 1 }] },
      { items: [{ price: better, quantity: 1 }], end_date: day('2026-05-01') },
    ],
  });
  await life.until('2026-02-01');
  assert.deepEqual([await life.status(), (await life.now()).items.data[0]!.price.id], ['paused', seat]);
  await life.pays('pm_card_visa');
  await stripe.subscriptions.resume(life.id, AT_ONCE);
  await life.until('2026-02-01T02:00');
  assert.deepEqual([await life.status(), (await life.now()).items.data[0]!.price.id], ['active', better]);
  assert.equal((await stripe.subscriptionSchedules.retrieve(schedule.id)).current_phase?.end_date, day('2026-05-01'));
  await life.until('2026-03-01T02:00');
  assert.deepEqual((await life.bills()).at(-1), 'paid subscription_cycle -3100 6200 6200');
});

test('what cannot be paused or resumed is refused by name', async () => {
  const life = await live();
  const paused = await live();
  await stripe.subscriptions.pause(paused.id);
  const trial = await live({ trial_period_days: 5 });
  const withheld = await live();
  await stripe.subscriptions.update(withheld.id, { pause_collection: { behavior: 'void' } });
  const gone = await live();
  await stripe.subscriptions.cancel(gone.id);
  const sent = await live({ collection_method: 'send_invoice', days_until_due: 3 });
  await stripe.subscriptions.pause(sent.id);
  const planned = await live();
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: planned.id });
  const penniless = await live({ trial_period_days: 5, trial_settings: { end_behavior: { missing_payment_method: 'pause' } } }, null);
  await penniless.until('2026-01-07');
  const refused: [() => Promise<unknown>, string | undefined][] = [
    [() => stripe.subscriptions.pause(paused.id), undefined],
    [() => stripe.subscriptions.pause(trial.id), undefined],
    [() => stripe.subscriptions.pause(withheld.id), undefined],
    [() => stripe.subscriptions.pause(gone.id), undefined],
    [() => stripe.subscriptions.pause(planned.id), undefined],
    [() => stripe.subscriptions.pause(life.id, { type: untyped('account') }), 'type'],
    [() => stripe.subscriptions.pause(life.id, { bill_for: { unused_time_from: { type: untyped('later') } } }), 'bill_for[unused_time_from][type]'],
    [() => stripe.subscriptions.resume(life.id), undefined],
    [() => stripe.subscriptions.resume(sent.id), undefined],
    [() => stripe.subscriptions.resume(penniless.id, AT_ONCE), undefined],
    [() => stripe.subscriptions.resume(paused.id, { proration_date: day('2026-01-01') }), 'proration_date'],
    [() => stripe.subscriptions.resume(paused.id, { billing_cycle_anchor: { type: 'unchanged' }, proration_date: day('2025-12-31') }), 'proration_date'],
    [() => stripe.subscriptions.resume(paused.id, { billing_cycle_anchor: { type: 'unchanged' }, proration_date: day('2026-02-01') }), 'proration_date'],
    [() => stripe.subscriptions.update(paused.id, { items: [{ id: paused.item(), quantity: 2 }] }), 'items'],
    [() => stripe.subscriptions.update(paused.id, { pause_collection: { behavior: 'void' } }), 'pause_collection'],
    [() => stripe.subscriptions.update(paused.id, { cancel_at_period_end: true }), 'cancel_at_period_end'],
    [() => stripe.subscriptions.update(life.id, { pause_collection: { behavior: 'void', resumes_at: day('2026-01-01') } }), 'pause_collection[resumes_at]'],
    [() => stripe.subscriptions.update(life.id, { pause_collection: untyped({ resumes_at: day('2026-05-01') }) }), 'pause_collection[behavior]'],
    [() => stripe.invoices.createPreview({ customer: life.customer, subscription_details: { items: [{ price: seat }], resume_at: 'now' } }), 'subscription_details[resume_at]'],
  ];
  for (const [ask, param] of refused) await assert.rejects(ask, (error: Stripe.errors.StripeInvalidRequestError) => error.statusCode === 400 && (assert.equal(error.param, param), true), String(ask));
  await assert.rejects(stripe.subscriptions.pause(planned.id), new RegExp(`The schedule ${schedule.id} manages the subscription ${planned.id}`));
  await assert.rejects(stripe.subscriptionSchedules.create({ from_subscription: paused.id }), /is paused: resume it before it gets a schedule/);
  await stripe.subscriptionSchedules.release(schedule.id);
  assert.equal((await stripe.subscriptions.pause(planned.id)).status, 'paused');
  await assert.rejects(stripe.subscriptions.pause('sub_none'), { statusCode: 404, code: 'resource_missing' });
  const renamed = await stripe.subscriptions.update(paused.id, { description: 'Later', proration_behavior: 'always_invoice' });
  assert.deepEqual([renamed.status, renamed.description], ['paused', 'Later']);
});

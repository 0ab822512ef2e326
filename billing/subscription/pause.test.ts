/** Worked examples of pauses: what is given back, what is charged, and what is told. The terms are a seat of $31.00 a month and calls at $0.10. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Refusal, type Decision } from '../decision.ts';
import { CUSTOMER, day, moment, perCall, price } from '../examples.ts';
import type { InvoiceItemWhole } from '../invoice/invoice.ts';
import { nextMoment } from './timers.ts';
import { pauseSubscription, type PauseOrder } from './pause.ts';
import { afterPayment, type PaymentOutcome } from './payment.ts';
import { resumeSubscription, type ResumeOrder } from './resume.ts';
import { startSubscription } from './start.ts';
import type { SubscriptionFacts, SubscriptionWhole } from './subscription.ts';

const AROUND = { customer: CUSTOMER, account: { business_name: 'Helpdesk', country: 'DE', proration: 'second' as const }, tax_ids: [], payment_method: null };

/** A seat and calls since 1 January, paid for. */
function begun(): SubscriptionWhole {
  const items = [price('seat', '3100'), perCall('calls', '10')].map((terms, n) => ({
    param: `items[${n}]`, price: { param: `items[${n}][price]`, terms, product_name: terms.id, product_active: true }, quantity: undefined, tax_rates: [], metadata: {}, discounts: [],
  }));
  const { subscription } = startSubscription(
    {
      items, currency: 'usd', collection_method: 'send_invoice', days_until_due: 30, billing_cycle_anchor: null, billing_cycle_anchor_config: null, backdate_start_date: null, trial_end: null,
      trial_period_days: null, trial_from_plan: false, billing_mode: { type: 'flexible', flexible: { proration_discounts: 'included' }, updated_at: null },
      trial_settings: { end_behavior: { missing_payment_method: 'create_invoice' } }, cancel_at: null, cancel_at_period_end: false, proration_behavior: 'create_prorations', default_payment_method: null,
      description: null, invoice_settings: { custom_fields: null, description: null, footer: null }, payment_settings: { save_default_payment_method: 'off' }, discounts: [], default_rates: [],
      add_invoice_items: [], metadata: {}, payment_behavior: 'allow_incomplete', off_session: false,
    },
    { ...AROUND, subscriptions: 0, first_time: true, pending: [] },
    moment('2026-01-01'),
  );
  return { ...subscription, collection_method: 'charge_automatically', days_until_due: null };
}

const factsOf = (subscription: SubscriptionWhole, pending: readonly InvoiceItemWhole[] = []): SubscriptionFacts => ({ ...AROUND, subscription, pending, usage: new Map([[subscription.items[1]!.id, '7']]), rates: new Map() });
const PAUSE: PauseOrder = { unused_time_from: 'now', outstanding_usage_through: 'now', invoicing_behavior: 'pending_invoice_item' };
const RESUME: ResumeOrder = { billing_cycle_anchor: 'now', proration_behavior: 'create_prorations', proration_date: null, payment_behavior: 'resume_on_payment_attempt' };
const RESUME_UNCHANGED: ResumeOrder = { ...RESUME, billing_cycle_anchor: 'unchanged', proration_behavior: 'always_invoice' };
const pausedAt = (at: string, order: Partial<PauseOrder> = {}) => pauseSubscription({ ...PAUSE, ...order }, factsOf(begun()), moment(at));
const types = (decided: Decision): string[] => decided.facts.map((fact) => fact.type);
const waiting = (decided: Decision): InvoiceItemWhole[] => decided.puts.filter((put) => put.table === 'invoice_items' && put.before === null).map((put) => put.after as InvoiceItemWhole);
const sums = (decided: Decision): bigint[] => waiting(decided).map((item) => item.amount);

describe('a pause', () => {
  const rows: [Partial<PauseOrder>, bigint[]][] = [
    [{}, [-1600n, 70n]], // 16 of 31 days of $31.00; 7 calls
    [{ unused_time_from: 'item_current_period_start' }, [-3100n, 70n]],
    [{ unused_time_from: 'none' }, [70n]],
    [{ outstanding_usage_through: 'none' }, [-1600n]],
    [{ invoicing_behavior: 'invoice' }, [-1600n, 70n]],
  ];
  for (const [order, amounts] of rows) it(`with ${JSON.stringify(order)} comes to ${amounts.join(' and ')}`, () => assert.deepEqual(sums(pausedAt('2026-01-16', order)), amounts));

  it('invoices at once what comes to less than nothing, for the balance', () => {
    const paused = pausedAt('2026-01-16', { invoicing_behavior: 'invoice' });
    assert.deepEqual([paused.invoice?.status, paused.invoice?.total, paused.invoice?.ending_balance], ['paid', -1530n, -1530n]);
  });

  it('has nothing to come', () => {
    const { subscription } = pausedAt('2026-01-16');
    assert.equal(nextMoment(subscription), null);
    assert.equal(nextMoment({ ...subscription, cancel_at: day('2026-03-01') }), day('2026-03-01'));
    assert.equal(nextMoment({ ...subscription, cancel_at: day('2026-02-01'), cancel_at_period_end: true }), null);
    assert.throws(() => pauseSubscription(PAUSE, factsOf(subscription), moment('2026-01-17')), Refusal);
  });

  it('waits for the end of a trial, also where a charge failed in it', () => {
    const late: SubscriptionWhole = { ...begun(), status: 'past_due', trial_start: day('2026-01-01'), trial_end: day('2026-01-20') };
    assert.throws(() => pauseSubscription(PAUSE, factsOf(late), moment('2026-01-16')), /is in its trial/);
    assert.equal(pauseSubscription(PAUSE, factsOf(late), moment('2026-01-20')).subscription.status, 'paused');
  });
});

describe('a resumption', () => {
  it('with a new anchor bills a full period, after what was given back', () => {
    const paused = pausedAt('2026-01-16');
    const resumed = resumeSubscription(RESUME, factsOf(paused.subscription, waiting(paused)), moment('2026-03-10'));
    assert.deepEqual(resumed.invoice?.lines.map((line) => line.amount), [-1600n, 70n, 3100n]);
    assert.deepEqual([resumed.subscription.status, resumed.subscription.billing_cycle_anchor], ['paused', day('2026-03-10')]);
    assert.deepEqual(types(resumed), ['customer.subscription.updated', 'invoice.created', 'customer.updated', 'payment_intent.created', 'invoice.finalized']);
  });

  it('with its anchor is charged for the rest of the period', () => {
    const resumed = (more: Partial<ResumeOrder>) => resumeSubscription({ ...RESUME, billing_cycle_anchor: 'unchanged', ...more }, factsOf(pausedAt('2026-01-16').subscription), moment('2026-02-15'));
    assert.deepEqual(sums(resumed({})), [1550n]); // 14 of 28 days of $31.00
    assert.deepEqual(sums(resumed({ proration_date: day('2026-02-08') })), [2325n]); // 21 of 28 days
    assert.deepEqual(sums(resumed({ proration_behavior: 'none' })), []);
    assert.deepEqual(types(resumed({})), ['invoiceitem.created', 'customer.subscription.updated', 'customer.subscription.resumed']);
    assert.equal(nextMoment(resumed({}).subscription), day('2026-03-01'));
  });

  it('and a pause in the same second owe nothing', () => {
    const paused = pausedAt('2026-01-16');
    const resumed = resumeSubscription({ ...RESUME, billing_cycle_anchor: 'unchanged' }, factsOf(paused.subscription), moment('2026-01-16'));
    assert.deepEqual([...sums(paused), ...sums(resumed)], [-1600n, 70n, 1600n]);
  });

  it('that is voided leaves a debit that had waited before as it was', () => {
    const paused = pausedAt('2026-01-16', { unused_time_from: 'none' });
    const [seat] = paused.subscription.items;
    const waited: SubscriptionWhole = { ...paused.subscription, items: [{ ...seat!, debits: [{ ...seat!.debits[0]!, invoice: null, line: null, invoice_item: 'ii_1' }] }, paused.subscription.items[1]!] };
    const item = { ...waiting(pausedAt('2026-01-16'))[0]!, id: 'ii_1', subscription: waited.id, amount: 3100n };
    const { subscription, invoice } = resumeSubscription(RESUME_UNCHANGED, factsOf(waited, [item]), moment('2026-01-20'));
    const voided = afterPayment(subscription, { ...invoice!, status: 'void' }, 'forgiven', moment('2026-01-20'));
    assert.deepEqual(voided.subscription.items[0]!.debits.map((debit) => debit.invoice_item), ['ii_1']);
    assert.deepEqual(voided.puts.filter((put) => put.table === 'invoice_items').map((put) => put.after), [{ id: 'ii_1', invoice: null }]);
  });

  it('goes on by what becomes of its invoice', () => {
    const outcome = (payment_behavior: ResumeOrder['payment_behavior'], how: PaymentOutcome, status: 'open' | 'paid' | 'void' | 'uncollectible') => {
      const { subscription: made, invoice } = resumeSubscription(RESUME, factsOf(pausedAt('2026-01-16').subscription), moment('2026-03-10'));
      const subscription: SubscriptionWhole = { ...made, resumption: { ...made.resumption!, payment_behavior } };
      return afterPayment(subscription, { ...invoice!, status }, how, moment('2026-03-10')).subscription;
    };
    assert.equal(outcome('resume_on_payment_attempt', 'paid', 'paid').status, 'active');
    assert.equal(outcome('resume_on_payment_attempt', 'failed', 'open').status, 'past_due');
    assert.equal(outcome('resume_on_payment_success', 'failed', 'open').status, 'paused');
    assert.equal(outcome('resume_on_payment_success', 'given_up', 'open').status, 'paused');
    assert.equal(outcome('resume_on_payment_success', 'forgiven', 'uncollectible').status, 'active');
    const voided = outcome('resume_on_payment_attempt', 'forgiven', 'void');
    assert.deepEqual([voided.status, voided.resumption, voided.items.map((item) => item.debits)], ['paused', null, [[], []]]);
  });
});

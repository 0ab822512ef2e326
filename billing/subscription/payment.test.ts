import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { InvoiceWhole } from '../invoice/invoice.ts';
import { afterPayment, type PaymentOutcome } from './payment.ts';
import type { SubscriptionStatus, SubscriptionWhole } from './subscription.ts';

const moment = { now: 1_000_000, newId: (prefix: string) => `${prefix}_1`, newSecret: () => '' };
const invoice = (id: string) => ({ id, lines: [] as InvoiceWhole['lines'] }) as InvoiceWhole;
const subscription = (status: SubscriptionStatus, more: Partial<SubscriptionWhole> = {}) =>
  ({
    id: 'sub_1', customer: 'cus_1', test_clock: null, status, trial_end: null, latest_invoice: 'in_2', schedule: null, scheduled: null, canceled_at: null, cancel_at: null, cancellation_details: { comment: null, feedback: null, reason: null },
    payment_settings: { save_default_payment_method: 'off' }, default_payment_method: null, items: [{ current_period_end: 2_000_000 }], ...more,
  }) as SubscriptionWhole;

describe('a subscription after its invoice', () => {
  const rows: [status: SubscriptionStatus, which: string, outcome: PaymentOutcome, after: SubscriptionStatus, event: string | null][] = [
    ['incomplete', 'in_2', 'paid', 'active', 'customer.subscription.updated'],
    ['incomplete', 'in_2', 'failed', 'incomplete', null],
    ['incomplete', 'in_2', 'forgiven', 'incomplete_expired', 'customer.subscription.updated'],
    ['active', 'in_2', 'paid', 'active', null],
    ['active', 'in_2', 'failed', 'past_due', 'customer.subscription.updated'],
    ['active', 'in_1', 'failed', 'active', null],
    ['trialing', 'in_2', 'failed', 'past_due', 'customer.subscription.updated'],
    ['past_due', 'in_2', 'paid', 'active', 'customer.subscription.updated'],
    ['past_due', 'in_1', 'paid', 'past_due', null],
    ['past_due', 'in_2', 'forgiven', 'active', 'customer.subscription.updated'],
    ['past_due', 'in_2', 'failed', 'past_due', null],
    ['past_due', 'in_2', 'given_up', 'canceled', 'customer.subscription.deleted'],
    ['past_due', 'in_1', 'given_up', 'canceled', 'customer.subscription.deleted'],
    ['unpaid', 'in_2', 'paid', 'active', 'customer.subscription.updated'],
    ['canceled', 'in_2', 'paid', 'canceled', null],
    ['incomplete_expired', 'in_2', 'paid', 'incomplete_expired', null],
  ];
  for (const [status, which, outcome, after, event] of rows) {
    it(`${status}, the ${which === 'in_2' ? 'latest' : 'older'} one ${outcome}: ${after}`, () => {
      const made = afterPayment(subscription(status), invoice(which), outcome, moment);
      assert.equal(made.subscription.status, after);
      assert.deepEqual(made.facts.map((fact) => fact.type), event === null ? [] : [event]);
    });
  }

  it('that begins its life renews from then on and does not expire any more', () => {
    const { timers } = afterPayment(subscription('incomplete'), invoice('in_2'), 'paid', moment);
    assert.deepEqual(timers.map(({ kind, at }) => [kind, at]), [['subscription.expire', null], ['subscription.renew', 2_000_000], ['subscription.upcoming', 1_740_800]]);
  });

  it('is trialing where it still is in its trial', () => {
    assert.equal(afterPayment(subscription('incomplete', { trial_end: 1_500_000 }), invoice('in_2'), 'paid', moment).subscription.status, 'trialing');
  });

  it('keeps the method that paid where that was asked for', () => {
    const saves = subscription('active', { payment_settings: { save_default_payment_method: 'on_subscription' } });
    assert.equal(afterPayment(saves, invoice('in_2'), 'paid', moment, 'pm_1').subscription.default_payment_method, 'pm_1');
    assert.equal(afterPayment(subscription('active'), invoice('in_2'), 'paid', moment, 'pm_1').subscription.default_payment_method, null);
  });

  it('that was given up says why', () => {
    const { subscription: ended } = afterPayment(subscription('past_due'), invoice('in_2'), 'given_up', moment);
    assert.deepEqual([ended.cancellation_details.reason, ended.ended_at], ['payment_failed', 1_000_000]);
  });
});

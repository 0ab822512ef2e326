/** The card of a life, by the engine: whatever falls due is paid in the same second, and a change may wait for the one payment that is not. */
import { expirePending } from '../../billing/subscription/cancel.ts';
import { attemptFailed } from '../../billing/invoice/paid.ts';
import { payOutOfBand, type WithPayments } from '../../billing/invoice/pay.ts';
import { voidInvoice } from '../../billing/invoice/void.ts';
import { Refusal, type Instant } from '../../billing/decision.ts';
import type { PaymentMethodRow } from '../../billing/payment/payment.ts';
import { CUSTOMER } from './catalog.ts';
import type { Life } from './engine.ts';
import type { Attempt } from './reference/history.ts';

export const CARD: PaymentMethodRow = {
  id: 'pm_1', created: 0, customer: CUSTOMER, type: 'card', billing_details: { address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null }, email: null, name: null, phone: null, tax_id: null }, card: null, details: null, processor: 'sandbox', processor_reference: 'card', processor_identity: null, set_up: true,
  vault: null, mandate: null, network_transaction_id: null, checks_when_asked: null, spent: false, allow_redisplay: 'always', metadata: {},
};

function owed({ store, subscription }: Life, id: string): WithPayments {
  const invoice = store.invoice(id);
  return { invoice, customer: store.customer(CUSTOMER), subscription: invoice.subscription === null ? null : subscription, payments: [] };
}

/** Pays what is due, but for that for which a change waits. What the processor was asked is no part of a life. */
export function collect(life: Life, at: Instant): void {
  const { store } = life;
  if (!life.history.card) return;
  for (const table of ['payment_intents', 'invoice_payments', 'payment_attempts', 'charges']) store.forget(table);
  for (const { id } of store.invoices(({ status }) => status === 'open')) if (life.row.pending_update?.invoice !== id) store.apply(payOutOfBand(owed(life, id), store.moment(at)));
}

/** The first attempt to pay for a change that waits, or what comes of it later. */
export function settle(life: Life, at: Instant, how: Attempt | 'void'): void {
  const { store, row: { pending_update } } = life;
  if (pending_update === null) throw new Refusal('resource_missing', 'No change waits.');
  const facts = owed(life, pending_update.invoice);
  const moment = store.moment(at);
  store.apply(how === 'pay' ? payOutOfBand(facts, moment) : how === 'void' ? voidInvoice(facts, moment) : attemptFailed(facts, { automatic: true, at, asks_holder: false }, moment));
}

export function expire(life: Life, at: Instant): void {
  const { store, row: { pending_update } } = life;
  if (pending_update) store.apply(expirePending(life.subscription, owed(life, pending_update.invoice), store.moment(at)));
}

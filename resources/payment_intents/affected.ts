/** All that words about payments concern, locked, as it stands after each of them. */
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { InvoiceWhole } from '../../billing/invoice/invoice.ts';
import type { OpenPayment } from '../../billing/invoice/pay.ts';
import type { ChargeRow, InvoicePaymentRow, PaymentIntentWhole, PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { Payment } from '../../billing/payment/receive.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import type { Context, OpenCall } from '../../server/context.ts';
import { lockLanes } from '../../server/lanes.ts';
import { chargesNamed, chargesOfAttempts, refundingOf } from '../charges/rows.ts';
import { customersById } from '../customers/rows.ts';
import { lockInvoices } from '../invoices/rows.ts';
import { methodsById } from '../payment_methods/rows.ts';
import { intentsById, payersOf } from './rows.ts';

/** A call about the payment of its subject. `authorized` is the attempt by which the amount was reserved. */
type PaymentCall = OpenCall<{ payment_method: string; authorized?: string }>;

const methodOf = ({ request }: PaymentCall): string => request.payment_method;
/** The attempt that made the charge: this one, or the one by which the amount was reserved. */
const attemptOf = ({ id, request }: PaymentCall): string => request.authorized ?? id;

/** What a processor calls something that it has taken. */
export type Named = { processor: string; reference: string };
const nameOf = ({ processor, reference }: Named): string => `${processor} ${reference}`;

/** All that the answers concern, locked: their lanes, then the customers, then what is theirs. */
export class Affected {
  readonly customers = new Map<string, CustomerWhole>();
  readonly subscriptions = new Map<string, SubscriptionWhole>();
  readonly invoices = new Map<string, InvoiceWhole>();
  readonly payments = new Map<string, InvoicePaymentRow>();
  readonly intents = new Map<string, PaymentIntentWhole>();
  readonly methods = new Map<string, PaymentMethodRow>();
  /** By the attempts that made them, and by what their processors call them. */
  readonly charges = new Map<string, ChargeRow>();
  readonly #named = new Map<string, ChargeRow>();
  /** What of them is asked to be given back, and has not left yet. */
  readonly #refunding = new Map<string, bigint>();
  /** The intents that are open for an invoice. */
  readonly #open = new Map<string, string[]>();

  static async lock(ctx: Context, calls: readonly PaymentCall[]): Promise<Affected> {
    const intents = [...new Set(calls.map((call) => call.subject))];
    const all = new Affected();
    const payers = await payersOf(ctx.tx, intents);
    const owners = [...new Set(payers.flatMap((each) => each.customer ?? []))];
    lockLanes(ctx.tx, payers.map((each) => each.customer ?? each.id));
    for (const customer of await customersById(ctx.tx, owners, true)) all.customers.set(customer.id, customer);
    for (const { invoice, subscription, payments } of await lockInvoices(ctx.tx, [...new Set(payers.flatMap((each) => each.invoice ?? []))])) {
      all.invoices.set(invoice.id, invoice);
      if (subscription) all.subscriptions.set(subscription.id, subscription);
      all.#open.set(invoice.id, payments.map(({ intent }) => intent.id));
      for (const { payment, intent } of payments) {
        all.payments.set(intent.id, payment);
        all.intents.set(intent.id, intent);
      }
    }
    for (const intent of await intentsById(ctx.tx, intents, true)) all.intents.set(intent.id, intent);
    // The method that was asked for: an intent whose attempt failed has none any more.
    const methods = [...new Set(calls.map(methodOf))];
    for (const method of await methodsById(ctx.tx, methods, true)) all.methods.set(method.id, method);
    await all.#putAll(ctx, await chargesOfAttempts(ctx.tx, calls.map(attemptOf)));
    return all;
  }

  /** The charges that were booked under what processors speak of now, locked: a payment that goes on after its holder was asked is one at the processor, and two attempts here. */
  async lockNamed(ctx: Context, names: readonly Named[]): Promise<void> {
    if (names.length === 0) return;
    await this.#putAll(ctx, await chargesNamed(ctx.tx, names));
  }

  async #putAll(ctx: Context, charges: readonly ChargeRow[]): Promise<void> {
    for (const charge of charges) this.#put(charge);
    const given = charges.filter((each) => each.amount_refunded > 0n).map(({ id }) => id);
    if (given.length > 0) for (const [id, amount] of await refundingOf(ctx.tx, given)) this.#refunding.set(id, amount);
  }

  #put(charge: ChargeRow): void {
    this.charges.set(charge.attempt!, charge);
    if (charge.processor !== null && charge.processor_reference !== null && charge.status !== 'failed') this.#named.set(nameOf({ processor: charge.processor, reference: charge.processor_reference }), charge);
  }

  /** The payment as it stands now, after the answers before. `named` is what its processor calls what it has taken. */
  payment(call: PaymentCall, named: Named | null = null): Payment {
    const { subject } = call;
    const payment_intent = this.intents.get(subject)!;
    const payment = this.payments.get(subject) ?? null;
    const invoice = this.invoices.get(payment?.invoice ?? '') ?? null;
    const charge = this.charges.get(attemptOf(call)) ?? (named && this.#named.get(nameOf(named))) ?? null;
    return {
      payment_intent, payment, invoice, charge,
      payment_method: this.methods.get(methodOf(call))!,
      refunding: this.#refunding.get(charge?.id ?? '') ?? 0n,
      customer: this.customers.get(payment_intent.customer ?? '') ?? null,
      subscription: this.subscriptions.get(invoice?.subscription ?? '') ?? null,
      others: invoice ? this.#others(invoice.id, subject) : [],
    };
  }

  #others(invoice: string, subject: string): OpenPayment[] {
    const all = this.#open.get(invoice)!.map((id): OpenPayment => ({ payment: this.payments.get(id)!, intent: this.intents.get(id)! }));
    return all.filter(({ payment, intent }) => intent.id !== subject && payment.status === 'open');
  }

  /** Two answers may concern one customer: the second one counts on the first. */
  take(after: Payment): void {
    this.intents.set(after.payment_intent.id, after.payment_intent);
    this.methods.set(after.payment_method.id, after.payment_method);
    if (after.charge) this.#put(after.charge);
    if (after.customer) this.customers.set(after.customer.id, after.customer);
    if (after.invoice) this.invoices.set(after.invoice.id, after.invoice);
    if (after.payment) this.payments.set(after.payment.payment_intent, after.payment);
    if (after.subscription) this.subscriptions.set(after.subscription.id, after.subscription);
    for (const { payment, intent } of after.others) {
      this.payments.set(intent.id, payment);
      this.intents.set(intent.id, intent);
    }
  }
}

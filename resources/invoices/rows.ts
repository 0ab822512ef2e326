import type { DiscountWhole, TaxRateRow } from '../../billing/catalog.ts';
import type { CreditGrantRow } from '../../billing/credit/grant.ts';
import type { CustomerWhole } from '../../billing/customer/customer.ts';
import type { Moment } from '../../billing/decision.ts';
import type { InvoiceLineRow, InvoiceRow, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import type { OpenPayment, WithPayments } from '../../billing/invoice/pay.ts';
import type { PaymentMethodRow } from '../../billing/payment/payment.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { momentOn, type Context } from '../../server/context.ts';
import { mapById, rows, rowsById, sql } from '../../server/database/sql.ts';
import type { Tx } from '../../server/database/world.ts';
import { missing } from '../../server/http/errors.ts';
import { grantsById } from '../billing/credit_grants/rows.ts';
import { creditedLinesOf } from '../credit_notes/rows.ts';
import { customersById } from '../customers/rows.ts';
import { discountsById } from '../discounts/rows.ts';
import { openPaymentsOf } from '../invoice_payments/rows.ts';
import { intentsById } from '../payment_intents/rows.ts';
import { methodsById } from '../payment_methods/rows.ts';
import { subscriptionsById } from '../subscriptions/rows.ts';
import { taxRatesById } from '../tax_rates/rows.ts';

/** Invoices with all that they name, in the order of their ids. `lock` keeps others from changing them until the transaction ends; lock their customers first. */
export async function invoicesById(tx: Tx, ids: readonly string[], lock = false): Promise<InvoiceWhole[]> {
  if (ids.length === 0) return [];
  return wholeInvoices(tx, await rowsById<InvoiceRow>(tx, 'invoices', ids, lock));
}

/** The drafts of a customer, locked. */
export async function draftsOf(tx: Tx, customer: string): Promise<InvoiceWhole[]> {
  return wholeInvoices(tx, await rows<InvoiceRow>(tx, sql`select * from invoices where customer = ${customer} and status = 'draft' order by id for update`));
}

/** Invoices with their lines, discounts and tax rates: a read for each kind of thing, however many invoices there are. */
export async function wholeInvoices(tx: Tx, invoices: readonly InvoiceRow[]): Promise<InvoiceWhole[]> {
  if (invoices.length === 0) return [];
  const found = await rows<InvoiceLineRow>(tx, sql`select * from invoice_lines where invoice = any(${invoices.map((invoice) => invoice.id)}::text[]) order by invoice, position`);
  const lines = Map.groupBy(found, (line) => line.invoice);
  const named = <Thing>(all: ReadonlyMap<string, Thing>, ids: Iterable<string>): Thing[] => [...new Set(ids)].flatMap((id) => all.get(id) ?? []);
  const discountIds = (invoice: InvoiceRow) => [...invoice.discounts, ...(lines.get(invoice.id) ?? []).flatMap((line) => [...line.discounts, ...line.discount_amounts.map((each) => each.discount)])];
  const rateIds = (invoice: InvoiceRow) => [...invoice.default_tax_rates, ...(lines.get(invoice.id) ?? []).flatMap((line) => line.tax_rates)];
  const grantIds = (invoice: InvoiceRow) => (lines.get(invoice.id) ?? []).flatMap((line) => line.credits.map((each) => each.credit_grant));
  const [discounts, rates, grants, credited] = await Promise.all([
    mapById<DiscountWhole>(invoices.flatMap(discountIds), (ids) => discountsById(tx, ids)),
    mapById<TaxRateRow>(invoices.flatMap(rateIds), (ids) => taxRatesById(tx, ids)),
    mapById<CreditGrantRow>(invoices.flatMap(grantIds), (ids) => grantsById(tx, ids)),
    creditedLinesOf(tx, invoices.filter((invoice) => invoice.pre_payment_credit_notes_amount > 0n).map((invoice) => invoice.id)),
  ]);
  return invoices.map((invoice) => ({
    ...invoice,
    lines: lines.get(invoice.id) ?? [],
    discount_rows: named(discounts, discountIds(invoice)),
    rate_rows: named(rates, rateIds(invoice)),
    grant_rows: named(grants, grantIds(invoice)),
    credited_lines: credited.get(invoice.id) ?? [],
  }));
}

/** The method that would pay each of these invoices, by invoice: its own default one, else its subscription's, else its customer's. */
export async function payingMethods(tx: Tx, invoices: readonly string[]): Promise<Map<string, PaymentMethodRow>> {
  // The methods are read by id in a query of their own: joined on what is chosen here, PostgreSQL cannot know how few they are.
  const chosen = await rows<{ invoice: string; method: string | null }>(
    tx,
    sql`select i.id as invoice, coalesce(i.default_payment_method, s.default_payment_method, c.default_payment_method) as method
        from invoices i join customers c on c.id = i.customer left join subscriptions s on s.id = i.subscription
        where i.id = any(${invoices}::text[])`,
  );
  const methods = await mapById(chosen.flatMap((each) => each.method ?? []), (ids) => methodsById(tx, ids));
  return new Map(chosen.flatMap(({ invoice, method }) => {
    const found = methods.get(method ?? '');
    return found && !found.spent ? [[invoice, found] as const] : [];
  }));
}

/** Whom invoices are for, before anything is locked. */
function payersOf(tx: Tx, ids: readonly string[]): Promise<{ id: string; customer: string; subscription: string | null }[]> {
  return rows(tx, sql`select id, customer, subscription from invoices where id = any(${ids}::text[])`);
}

/**
 * Invoices with those whom they concern and the payments that are open for them, all locked: the customers first, then subscriptions, invoices, payments and intents, each in the order of their ids,
 * so that two that want the same wait for each other and never in a circle. What does not exist is left out.
 */
export async function lockInvoices(tx: Tx, ids: readonly string[]): Promise<WithPayments[]> {
  const found = await payersOf(tx, ids);
  if (found.length === 0) return [];
  const customers = await mapById<CustomerWhole>(found.map((each) => each.customer), (wanted) => customersById(tx, wanted, true));
  const subscriptions = await mapById<SubscriptionWhole>(found.flatMap((each) => each.subscription ?? []), (wanted) => subscriptionsById(tx, wanted, true));
  const invoices = await invoicesById(tx, found.map((each) => each.id), true);
  const payments = await openPayments(tx, invoices.map((invoice) => invoice.id));
  return invoices.map((invoice) => ({
    invoice,
    customer: customers.get(invoice.customer)!,
    subscription: subscriptions.get(invoice.subscription ?? '') ?? null,
    payments: payments.get(invoice.id) ?? [],
  }));
}

/** The invoice of a request with all whom it concerns, locked, and the moment at which its customer lives. `param` spells what names it. */
export async function lockInvoice(ctx: Context, id: string, param?: string): Promise<WithPayments & { moment: Moment }> {
  const [found] = await lockInvoices(ctx.tx, [id]);
  if (!found) missing('invoice', id, param);
  return { ...found, moment: await momentOn(ctx, found.invoice.test_clock) };
}

async function openPayments(tx: Tx, invoices: readonly string[]): Promise<Map<string, OpenPayment[]>> {
  const open = await openPaymentsOf(tx, invoices);
  const intents = new Map(open.length === 0 ? [] : (await intentsById(tx, open.map((payment) => payment.payment_intent), true)).map((intent) => [intent.id, intent]));
  const payments = open.map((payment): OpenPayment => ({ payment, intent: intents.get(payment.payment_intent)! }));
  return Map.groupBy(payments, ({ payment }) => payment.invoice);
}

/** The secrets by which the customer can confirm the payment of these invoices in a browser, by invoice. */
export async function confirmationSecrets(tx: Tx, invoices: readonly string[]): Promise<Map<string, string>> {
  const found = await rows<{ invoice: string; client_secret: string }>(
    tx,
    sql`select p.invoice, i.client_secret from invoice_payments p join payment_intents i on i.id = p.payment_intent
        where p.invoice = any(${invoices}::text[]) and p.is_default and p.status <> 'canceled' order by p.created, p.id`,
  );
  return new Map(found.map((each) => [each.invoice, each.client_secret]));
}

/** The newest default payment intent of an invoice, whatever became of it. */
export async function defaultIntentOf(tx: Tx, invoice: string): Promise<string | null> {
  const found = await rows<{ payment_intent: string }>(tx, sql`select payment_intent from invoice_payments where invoice = ${invoice} and is_default order by created desc, id desc limit 1`);
  return found[0]?.payment_intent ?? null;
}

export { recounted } from './usage.ts';

import { decision, refuse, together, type Decision, type Moment } from '../../../billing/decision.ts';
import type { CustomerWhole } from '../../../billing/customer/customer.ts';
import { applyCash, awaitsCash, matchCash, type Awaiting, type CashRow, type CashTransactionRow, type TransferAccount } from '../../../billing/payment/cash.ts';
import { makeMethod } from '../../../billing/payment/method.ts';
import type { InvoicePaymentRow, PaymentIntentWhole, PaymentMethodRow } from '../../../billing/payment/payment.ts';
import type { Payment } from '../../../billing/payment/receive.ts';
import { commit } from '../../../server/commit.ts';
import type { Context } from '../../../server/context.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';
import { lockInvoices } from '../../invoices/rows.ts';
import { processorOf, saidBy } from '../../kontor/processors/rows.ts';
import { methodsById } from '../../payment_methods/rows.ts';
import { intentsById } from '../../payment_intents/rows.ts';

type Mode = 'automatic' | 'manual';

/** What a customer has sent, and how it is applied: its own way, or the usual one. */
export type CashWhole = { customer: string; balances: readonly CashRow[]; settings: { mode: Mode; own: boolean } };

export function cashOf(tx: Tx, customer: string, lock = false): Promise<CashRow[]> {
  return rows<CashRow>(tx, sql`select * from cash_balances where customer = ${customer} order by currency ${lock ? sql`for update` : sql``}`);
}

export function cashTransactionsById(tx: Tx, ids: readonly string[]): Promise<CashTransactionRow[]> {
  return rows<CashTransactionRow>(tx, sql`select * from cash_balance_transactions where id = any(${ids}::text[])`);
}

/** How the cash of each of these customers is applied: its own way, or the usual one. */
async function modesOf(tx: Tx, customers: readonly string[]): Promise<Map<string, CashWhole['settings']>> {
  const found = await rows<{ id: string; reconciliation_mode: Mode }>(tx, sql`select id, reconciliation_mode from cash_settings where id = any(${customers}::text[])`);
  const own = new Map(found.map((each) => [each.id, each.reconciliation_mode]));
  return new Map(customers.map((customer) => [customer, { mode: own.get(customer) ?? 'automatic', own: own.has(customer) }]));
}

export async function modeOf(tx: Tx, customer: string): Promise<CashWhole['settings']> {
  return (await modesOf(tx, [customer])).get(customer)!;
}

export async function cashWholes(tx: Tx, customers: readonly string[]): Promise<CashWhole[]> {
  const balances = await rows<CashRow>(tx, sql`select * from cash_balances where customer = any(${customers}::text[]) order by currency`);
  const settings = await modesOf(tx, customers);
  return customers.map((customer) => ({ customer, balances: balances.filter((each) => each.customer === customer), settings: settings.get(customer)! }));
}

const CURRENCIES: Record<string, { currency: string; country: string }> = {
  us_bank_transfer: { currency: 'usd', country: 'US' }, eu_bank_transfer: { currency: 'eur', country: 'DE' }, gb_bank_transfer: { currency: 'gbp', country: 'GB' },
  jp_bank_transfer: { currency: 'jpy', country: 'JP' }, mx_bank_transfer: { currency: 'mxn', country: 'MX' },
};

/** The kind of transfer by which money is sent in a currency; undefined where there is none. */
export const transferIn = (currency: string): string | undefined => Object.entries(CURRENCIES).find(([, each]) => each.currency === currency)?.[0];

/** The customer's own account for transfers of a kind. */
export async function accountFor(ctx: Context, customer: string, currency: string, { type, eu_bank_transfer }: { type?: string; eu_bank_transfer?: { country: string } }, param: string): Promise<TransferAccount> {
  const kind = type ?? transferIn(currency);
  const usual = CURRENCIES[kind ?? ''];
  if (!kind || !usual || usual.currency !== currency) return refuse(undefined, `There are no bank transfers of this kind in ${currency}.`, param);
  const processor = await processorOf(ctx);
  const country = eu_bank_transfer?.country ?? usual.country;
  const account = processor.virtualAccount && (await saidBy(ctx, processor, `account ${customer} ${kind} ${country}`, () => processor.virtualAccount!({ customer, currency, type: kind, country })));
  return account ?? refuse(undefined, `The payment processor has no accounts for bank transfers in ${currency}.`, param);
}

/** The payments of a customer that a transfer can make, with what it would say: those that wait for one, and those of invoices that can be paid by one. */
async function awaitingOf(tx: Tx, customer: string, currency: string): Promise<(Awaiting & { invoice: string | null })[]> {
  const found = await rows<{ id: string; amount: bigint; created: number; number: string | null; reference: string | null; invoice: string | null }>(
    tx,
    sql`select p.id, p.amount, p.created, i.number, p.next_action->>'reference' as reference, p.invoice from payment_intents p left join invoices i on i.id = p.invoice
        where p.customer = ${customer} and p.currency = ${currency} and (p.next_action->>'type' = 'display_bank_transfer_instructions'
          or (i.status = 'open' and p.payment_method_types ? 'customer_balance' and p.status in ('requires_payment_method', 'requires_confirmation', 'requires_action')))`,
  );
  return found.map(({ number, reference, ...each }) => ({ ...each, references: [number, reference].flatMap((text) => text ?? []) }));
}

/** A method by which cash is applied, where a payment has none. */
async function cashMethod(ctx: Context, intent: PaymentIntentWhole, moment: Moment): Promise<Decision & { method: PaymentMethodRow }> {
  const [own] = intent.payment_method === null ? [] : await methodsById(ctx.tx, [intent.payment_method], true);
  if (own?.type === 'customer_balance') return { ...together([]), method: own };
  return makeMethod({ processor: (await processorOf(ctx)).name, type: 'customer_balance', method: { reference: 'customer_balance', set_up: false }, card: null, verified: null, vault: null, details: {} }, {}, moment);
}

/** A payment with all whom it concerns, locked. Lock the customer first. */
async function paymentOf(ctx: Context, id: string, customer: CustomerWhole, moment: Moment): Promise<{ payment: Payment; first: Decision }> {
  const [found] = await intentsById(ctx.tx, [id]);
  const [facts] = found!.invoice === null ? [] : await lockInvoices(ctx.tx, [found!.invoice]);
  const [intent] = await intentsById(ctx.tx, [id], true);
  const made = await cashMethod(ctx, intent!, moment);
  const own: InvoicePaymentRow | null = facts?.payments.find((each) => each.intent.id === id)?.payment ?? null;
  const of = {
    customer: facts?.customer ?? customer,
    invoice: own ? facts!.invoice : null,
    payment: own,
    subscription: facts?.subscription ?? null,
    others: own ? facts!.payments.filter((each) => each.intent.id !== id) : [],
  };
  return { payment: { ...of, payment_intent: intent!, payment_method: made.method, charge: null, refunding: 0n }, first: made };
}

/** Pays one intent from cash; returns what is left. Lock the customer first. */
export async function payFromCash(ctx: Context, id: string, cash: CashRow, customer: CustomerWhole, moment: Moment): Promise<CashRow> {
  const { payment, first } = await paymentOf(ctx, id, customer, moment);
  const applied = applyCash(cash, payment, moment);
  await commit(ctx, together([first, applied]));
  return applied.cash;
}

/** Pays what the cash that there is now is meant for, where the customer's cash is applied by itself; returns what is left. `reference` is what the transfer said. */
async function reconcile(ctx: Context, cash: CashRow, reference: string | null, customer: CustomerWhole, moment: Moment): Promise<CashRow> {
  if ((await modeOf(ctx.tx, customer.id)).mode !== 'automatic') return cash;
  let left = cash;
  for (const id of matchCash(cash.amount, reference, await awaitingOf(ctx.tx, customer.id, cash.currency))) {
    // One that pays an invoice ends the others that have waited for it.
    const [intent] = await intentsById(ctx.tx, [id]);
    if (awaitsCash(intent!)) left = await payFromCash(ctx, id, left, customer, moment);
  }
  return left;
}

/** Cash that has just come, or come back, pays what it is meant for; that some of it is left is told. Lock the customer first. */
export async function receiveCash(ctx: Context, cash: CashRow, reference: string | null, customer: CustomerWhole, moment: Moment): Promise<void> {
  const left = await reconcile(ctx, cash, reference, customer, moment);
  if (left.amount <= 0n) return;
  const whole: CashWhole = { customer: customer.id, balances: [left], settings: await modeOf(ctx.tx, customer.id) };
  await commit(ctx, { ...decision(), facts: [{ type: 'cash_balance.funds_available', object: 'cash_balance', whole, at: moment.now }] });
}

/** Has a customer's cash applied like this from now on. Where that is by itself, what there is is applied at once. Lock the customer first. */
export async function setMode(ctx: Context, customer: CustomerWhole, mode: Mode | 'merchant_default', moment: Moment): Promise<void> {
  const now = await modeOf(ctx.tx, customer.id);
  const before = now.own ? { id: customer.id, reconciliation_mode: now.mode } : null;
  const after = mode === 'merchant_default' ? null : { id: customer.id, reconciliation_mode: mode };
  if (before || after) await commit(ctx, { ...decision(), puts: [{ table: 'cash_settings', before, after }] });
  for (const cash of await cashOf(ctx.tx, customer.id, true)) if (cash.amount > 0n) await reconcile(ctx, cash, null, customer, moment);
}

/** What happens to a customer's own data and balance. */
import type { DiscountWhole, Metadata } from '../catalog.ts';
import { decision, refuse, together, type Decision, type Moment } from '../decision.ts';
import { defined, mergeMetadata } from '../metadata.ts';
import { endDiscounts, noRedemptions, redeem, type DiscountGiven, type Redeemer } from '../redeem.ts';
import type { BalanceTransactionRow, CustomerRow, CustomerWhole } from './customer.ts';

/** What may be said about a customer at its creation and later: what is left out stays as it is. */
export type CustomerChange = Partial<Omit<CustomerRow, 'id' | 'created' | 'currency' | 'delinquent' | 'deleted' | 'metadata' | 'test_clock' | 'invoice_settings'>> & {
  metadata?: Record<string, string> | '';
  invoice_settings?: Partial<CustomerRow['invoice_settings']>;
};

const BLANK: Omit<CustomerRow, 'id' | 'created' | 'invoice_prefix' | 'test_clock'> = {
  name: null,
  email: null,
  phone: null,
  description: null,
  address: null,
  shipping: null,
  business_name: null,
  individual_name: null,
  balance: 0n,
  currency: null,
  delinquent: false,
  next_invoice_sequence: 1,
  invoice_settings: { custom_fields: null, footer: null, rendering_options: null },
  default_payment_method: null,
  preferred_locales: [],
  tax_exempt: 'none',
  metadata: {},
  deleted: false,
};

function applied<Row extends Omit<CustomerRow, 'id' | 'created' | 'invoice_prefix' | 'test_clock'>>(row: Row, change: CustomerChange): Row {
  const { metadata, invoice_settings, ...rest } = change;
  return { ...row, ...defined(rest), invoice_settings: { ...row.invoice_settings, ...invoice_settings }, metadata: mergeMetadata(row.metadata, metadata) };
}

/** A new customer. `invoice_prefix` begins the numbers of its invoices and is unique in the world. Its `id` may be known before, where something is made for it. */
export function createCustomer(given: CustomerChange & { id?: string; invoice_prefix: string; test_clock: string | null; currency: string }, moment: Moment): Decision & { customer: CustomerWhole } {
  const { id = moment.newId('cus'), currency, test_clock, ...change } = given;
  const row: CustomerRow = applied({ ...BLANK, id, created: moment.now, test_clock, invoice_prefix: given.invoice_prefix }, change);
  const customer: CustomerWhole = { ...row, currency: row.balance === 0n ? null : currency, discount: null };
  const made = decision();
  made.puts.push({ table: 'customers', before: null, after: customer });
  made.facts.push({ type: 'customer.created', object: 'customer', whole: customer, at: moment.now });
  if (customer.balance !== 0n) move(made, { ...customer, balance: 0n }, customer, 'initial', null, moment);
  return { ...made, customer };
}

/** Changes what is named. A new balance is a movement of its own; it needs a currency. */
export function changeCustomer(before: CustomerWhole, change: CustomerChange, currency: string, moment: Moment): Decision & { customer: CustomerWhole } {
  if (change.invoice_prefix !== undefined && change.invoice_prefix !== before.invoice_prefix && before.next_invoice_sequence > 1) {
    refuse(undefined, 'The invoice prefix cannot change any more: invoices have been numbered with it.', 'invoice_prefix');
  }
  if (change.next_invoice_sequence !== undefined && change.next_invoice_sequence < before.next_invoice_sequence) {
    refuse(undefined, `Numbers up to ${before.next_invoice_sequence - 1} are in use; the next one cannot be ${change.next_invoice_sequence}.`, 'next_invoice_sequence');
  }
  const next = applied(before, change);
  const customer = { ...next, currency: next.currency ?? (next.balance === 0n ? null : currency) };
  const made = decision();
  made.puts.push({ table: 'customers', before, after: customer });
  made.facts.push({ type: 'customer.updated', object: 'customer', whole: customer, before, at: moment.now });
  if (customer.balance !== before.balance) move(made, before, customer, 'adjustment', null, moment);
  return { ...made, customer };
}

/** Records a change of the balance with its reason, and posts it: what the customer owes more is ours to get. */
export function move(into: Decision, before: CustomerRow, after: CustomerRow, type: BalanceTransactionRow['type'], about: { description?: string | null; invoice?: string | null; credit_note?: string | null; metadata?: Metadata } | null, moment: Moment): BalanceTransactionRow {
  const transaction: BalanceTransactionRow = {
    id: moment.newId('cbtxn'),
    created: moment.now,
    customer: after.id,
    type,
    amount: after.balance - before.balance,
    ending_balance: after.balance,
    currency: after.currency!,
    description: about?.description ?? null,
    invoice: about?.invoice ?? null,
    credit_note: about?.credit_note ?? null,
    metadata: about?.metadata ?? {},
  };
  into.puts.push({ table: 'customer_balance_transactions', before: null, after: transaction });
  if (type === 'adjustment' || type === 'initial') {
    const legs = { transaction: transaction.id, currency: transaction.currency, document: transaction.id, customer: after.id, at: moment.now };
    into.postings.push({ ...legs, ledger_account: 'customer_balance', amount: transaction.amount }, { ...legs, ledger_account: 'balance_adjustments', amount: -transaction.amount });
  }
  return transaction;
}

/** Adds to the balance: a negative amount is a credit to the customer. */
export function adjustBalance(before: CustomerWhole, given: { amount: bigint; currency: string; description: string | null; metadata: Metadata }, moment: Moment): Decision & { transaction: BalanceTransactionRow } {
  if (given.amount === 0n) refuse('parameter_invalid_integer', 'An amount of 0 would change nothing. A negative amount is a credit to the customer, a positive one a debit.', 'amount');
  if (before.currency !== null && before.currency !== given.currency) {
    refuse(undefined, `This customer is billed in ${before.currency}; its balance cannot be in ${given.currency}.`, 'currency');
  }
  const customer: CustomerWhole = { ...before, balance: before.balance + given.amount, currency: given.currency };
  const made = decision();
  made.puts.push({ table: 'customers', before, after: customer });
  made.facts.push({ type: 'customer.updated', object: 'customer', whole: customer, before, at: moment.now });
  const transaction = move(made, before, customer, 'adjustment', given, moment);
  return { ...made, transaction };
}

/** Gives the customer a discount, instead of the one that it has: it is on the invoices of its subscriptions that have none of their own. */
export function giveDiscount(before: CustomerWhole, given: DiscountGiven, redeemer: Pick<Redeemer, 'first_time'>, moment: Moment): Decision & { discount: DiscountWhole } {
  const currency = before.currency ?? ('coupon' in given ? given.coupon : given.discount.source).currency ?? 'usd';
  const redeemed = redeem([given], { customer: before.id }, [], { ...redeemer, customer: before.id, amount: 0n, currency }, noRedemptions(), moment);
  const discount = redeemed.discounts[0]!;
  const told: Decision = { ...decision(), facts: [{ type: 'customer.updated', object: 'customer', whole: { ...before, discount }, before, at: moment.now }] };
  return { ...together([before.discount ? endDiscounts([before.discount], moment) : decision(), redeemed, told]), discount };
}

/** Takes the customer's discount away: it stays readable, and gives nothing any more. */
export function takeDiscount(before: CustomerWhole, discount: DiscountWhole, moment: Moment): Decision {
  const customer: CustomerWhole = { ...before, discount: null };
  const told: Decision = { ...decision(), facts: [{ type: 'customer.updated', object: 'customer', whole: customer, before, at: moment.now }] };
  return together([endDiscounts([discount], moment), told]);
}

/** A database for one customer in memory: decisions are written to it as `server/commit.ts` writes them, and the engine's facts are read from it. */
import assert from 'node:assert/strict';
import type { CouponRow, DiscountRow, DiscountWhole, PriceRow, TaxRateRow } from '../../billing/catalog.ts';
import type { CreditGrantRow } from '../../billing/credit/grant.ts';
import type { CreditNoteLineRow, CreditNoteRow, CreditNoteWhole } from '../../billing/credit_note/credit_note.ts';
import type { CustomerRow, CustomerWhole } from '../../billing/customer/customer.ts';
import type { Decision, Instant, Moment, Put, Row } from '../../billing/decision.ts';
import { afterDiscounts, itemizedOf, netOfItem, type InvoiceItemRow, type InvoiceItemWhole, type InvoiceLineRow, type InvoiceRow, type InvoiceWhole } from '../../billing/invoice/invoice.ts';
import type { OpenPayment } from '../../billing/invoice/pay.ts';
import type { InvoicePaymentRow, PaymentIntentRow } from '../../billing/payment/payment.ts';
import type { PriceMoveEntryRow, PriceMoveRow } from '../../billing/price_move/price_move.ts';
import type { ScheduleRow, ScheduleWhole } from '../../billing/schedule/schedule.ts';
import type { Debit, SubscriptionItemRow, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from '../../billing/subscription/subscription.ts';


/** The fields of a whole that are read from other tables: a row does not have them. */
const GATHERED = new Set(['items', 'default_rates', 'terms', 'next', 'product_name', 'rates', 'lines', 'discount_rows', 'rate_rows', 'credited_lines', 'source', 'discount', 'scheduled', 'failed_method', 'grants', 'late', 'early']);
const isColumn = (table: string, field: string) => !GATHERED.has(field) && !(field === 'discounts' && table !== 'invoices' && table !== 'invoice_lines');

export class Store {
  private readonly tables = new Map<string, Map<string, Row>>();
  readonly timers = new Map<string, { kind: string; subject: string; at: Instant }>();
  private ids = 0;

  moment(now: Instant): Moment {
    const next = (): string => String((this.ids += 1)).padStart(9, '0');
    return { now, newId: (prefix) => `${prefix}_${next()}`, newSecret: next } as Moment;
  }

  private table(name: string): Map<string, Row> {
    let rows = this.tables.get(name);
    if (!rows) this.tables.set(name, (rows = new Map()));
    return rows;
  }

  all<T>(table: string): T[] {
    return [...this.table(table).values()] as T[];
  }

  get<T>(table: string, id: string): T {
    const row = this.table(table).get(id);
    assert.ok(row, `${table} has no ${id}`);
    return row as T;
  }

  /** Remembers all that is stored; what it returns brings it back. */
  remember(): () => void {
    const tables = new Map([...this.tables].map(([name, rows]) => [name, new Map([...rows].map(([id, row]) => [id, { ...row }]))]));
    const timers = new Map(this.timers);
    return () => {
      this.tables.clear();
      this.timers.clear();
      for (const [name, rows] of tables) this.tables.set(name, rows);
      for (const [name, timer] of timers) this.timers.set(name, timer);
    };
  }

  forget(table: string): void {
    this.tables.delete(table);
  }

  /** What exists before the story begins. */
  keep(table: string, row: Row): void {
    this.put({ table, before: null, after: row });
  }

  private put({ table, before, after }: Put): void {
    const rows = this.table(table);
    const { id } = (after ?? before)!;
    const stored = rows.get(id);
    assert.equal(stored !== undefined, before !== null, `${table} ${id} is ${stored ? 'there already' : 'not there'}`);
    if (after === null) {
      rows.delete(id);
      return;
    }
    const row = stored ?? ({} as Row);
    for (const field in after) if ((before === null || before[field] !== after[field]) && isColumn(table, field)) (row as Record<string, unknown>)[field] = after[field];
    rows.set(id, row);
  }

  apply(decision: Decision): void {
    for (const put of decision.puts) this.put(put);
    const sums = new Map<string, bigint>();
    for (const { transaction, currency, amount } of decision.postings) sums.set(`${transaction} ${currency}`, (sums.get(`${transaction} ${currency}`) ?? 0n) + amount);
    for (const [transaction, sum] of sums) assert.equal(sum, 0n, `${transaction} is out of balance`);
    for (const { kind, subject, at } of decision.timers) {
      if (at === null) this.timers.delete(`${kind} ${subject}`);
      else this.timers.set(`${kind} ${subject}`, { kind, subject, at });
    }
  }

  private rates(ids: readonly string[]): TaxRateRow[] {
    return ids.map((id) => this.get<TaxRateRow>('tax_rates', id));
  }

  private discounts(belongs: (discount: DiscountRow) => boolean): DiscountWhole[] {
    const found = this.all<DiscountRow>('discounts').filter((discount) => !discount.ended && belongs(discount));
    return found.sort((a, b) => a.position - b.position).map((discount) => this.discount(discount.id));
  }

  customer(id: string): CustomerWhole {
    return { ...this.get<CustomerRow>('customers', id), discount: null, grants: this.all<CreditGrantRow>('credit_grants') };
  }

  private item(row: SubscriptionItemRow): SubscriptionItemWhole {
    const terms = this.get<PriceRow>('prices', row.price);
    return { ...row, debits: row.debits.flatMap((debit) => this.charged(debit)), terms, next: this.next(row), product_name: terms.product, discounts: this.discounts((one) => one.subscription_item === row.id), rates: this.rates(row.tax_rates) };
  }

  /** The price that an item goes to, by the plan that moves it. */
  private next({ id, price_move }: SubscriptionItemRow): SubscriptionItemWhole['next'] {
    if (price_move === null) return null;
    const terms = this.get<PriceRow>('prices', this.get<PriceMoveRow>('price_moves', price_move).to_price);
    const entry = this.all<PriceMoveEntryRow>('price_move_entries').find((one) => one.price_move === price_move && one.subscription_item === id);
    assert.ok(entry, `${price_move} has an entry of ${id}`);
    return { terms, product_name: terms.product, entry };
  }

  /** A debit with what it comes to now: nothing is left of what was voided or written off. */
  private charged(debit: Debit): Debit[] {
    const there = debit.line === null ? this.get<InvoiceItemRow>('invoice_items', debit.invoice_item!) : this.get<InvoiceLineRow>('invoice_lines', debit.line);
    const status = there.invoice === null ? null : this.get<InvoiceRow>('invoices', there.invoice).status;
    if (status === 'void' || status === 'uncollectible') return [];
    const [net, discounts] = 'discount_amounts' in there ? [afterDiscounts(there), there.discount_amounts] : [netOfItem(there), itemizedOf(there)];
    return [{ ...debit, amount: net.toString(), discounts }];
  }

  subscription(id: string): SubscriptionWhole {
    const row = this.get<SubscriptionRow>('subscriptions', id);
    const items = this.all<SubscriptionItemRow>('subscription_items').filter((item) => item.subscription === id && !item.deleted);
    return {
      ...row,
      items: items.sort((a, b) => (a.id < b.id ? -1 : 1)).map((item) => this.item(item)),
      discounts: this.discounts((one) => one.subscription === id && one.subscription_item === null),
      default_rates: this.rates(row.default_tax_rates),
      scheduled: row.schedule === null ? null : this.schedule(row.schedule),
      updating: (row.pending_update?.items ?? []).map(({ quantity, ...item }) => this.item({ ...item, quantity: quantity === null ? null : BigInt(quantity) })),
    };
  }

  schedule(id: string): ScheduleWhole {
    const row = this.get<ScheduleRow>('subscription_schedules', id);
    const named = row.phases.flatMap((phase) => [...(phase.default_tax_rates ?? []), ...phase.items.flatMap((item) => item.tax_rates)]);
    return { ...row, rates: this.rates([...new Set(named)]) };
  }

  discount(id: string): DiscountWhole {
    const row = this.get<DiscountRow>('discounts', id);
    return { ...row, source: this.get<CouponRow>('coupons', row.coupon) };
  }

  /** By id: the rates that the debits of items name. */
  debitRates(subscription: SubscriptionWhole): Map<string, TaxRateRow> {
    return new Map(subscription.items.flatMap((item) => item.debits.flatMap((debit) => this.rates(debit.tax_rates))).map((rate) => [rate.id, rate]));
  }

  /** What waits for an invoice, in the order of creation. Usage that waits has the discounts of its subscription item, which may be gone. */
  pending(): InvoiceItemWhole[] {
    const rows = this.all<InvoiceItemRow>('invoice_items').filter((item) => item.invoice === null).sort((a, b) => (a.id < b.id ? -1 : 1));
    return rows.map((row) => ({ ...row, discounts: this.discounts((one) => one.invoice_item === row.id || (row.discountable && row.subscription_item !== null && one.subscription_item === row.subscription_item)), rates: this.rates(row.tax_rates) }));
  }

  /** Its invoices in their order, or those that are wanted, with all that they name. */
  invoices(wanted: (invoice: InvoiceRow) => boolean = () => true): InvoiceWhole[] {
    const lines = Map.groupBy(this.all<InvoiceLineRow>('invoice_lines'), (line) => line.invoice);
    return this.all<InvoiceRow>('invoices').filter(wanted).map((invoice) => this.whole(invoice, lines.get(invoice.id) ?? []));
  }

  invoice(id: string): InvoiceWhole {
    return this.whole(this.get<InvoiceRow>('invoices', id), this.all<InvoiceLineRow>('invoice_lines').filter((line) => line.invoice === id));
  }

  private whole(invoice: InvoiceRow, unordered: readonly InvoiceLineRow[]): InvoiceWhole {
    const lines = unordered.toSorted((a, b) => a.position - b.position);
    const named = [...invoice.discounts, ...lines.flatMap((line) => line.discounts)];
    const rates = [...invoice.default_tax_rates, ...lines.flatMap((line) => line.tax_rates)];
    const credited_lines = invoice.pre_payment_credit_notes_amount === 0n ? [] : this.notes().flatMap((note) => (note.invoice === invoice.id && note.status === 'issued' ? note.lines : []));
    return { ...invoice, lines, discount_rows: [...new Set(named)].map((discount) => this.discount(discount)), rate_rows: this.rates([...new Set(rates)]), grant_rows: [...new Set(lines.flatMap((line) => line.credits.map((each) => each.credit_grant)))].map((id) => this.get<CreditGrantRow>('credit_grants', id)), credited_lines };
  }

  openPayments(invoice: string): OpenPayment[] {
    const open = this.all<InvoicePaymentRow>('invoice_payments').filter((payment) => payment.invoice === invoice && payment.status === 'open');
    return open.map((payment) => ({ payment, intent: { ...this.get<PaymentIntentRow>('payment_intents', payment.payment_intent), failed_method: null } }));
  }

  notes(): CreditNoteWhole[] {
    const lines = Map.groupBy(this.all<CreditNoteLineRow>('credit_note_lines'), (line) => line.credit_note);
    return this.all<CreditNoteRow>('credit_notes').map((note) => {
      const own = (lines.get(note.id) ?? []).toSorted((a, b) => a.position - b.position);
      return { ...note, lines: own, rate_rows: this.rates([...new Set(own.flatMap((line) => line.tax_rates))]) };
    });
  }
}

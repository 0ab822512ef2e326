/** A database for one customer in memory: decisions are written to it as `server/commit.ts` writes them, and the engine's facts are read from it. */
import assert from 'node:assert/strict';
import type { CouponRow, DiscountRow, DiscountWhole, PriceRow, TaxRateRow } from '../../billing/catalog.ts';
import type { CustomerRow, CustomerWhole } from '../../billing/customer/customer.ts';
import type { Decision, Instant, Moment, Put } from '../../billing/decision.ts';
import type { InvoiceItemRow, InvoiceItemWhole, InvoiceLineRow, InvoiceRow } from '../../billing/invoice/invoice.ts';
import type { SubscriptionItemRow, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from '../../billing/subscription/subscription.ts';

type Row = { id: string } & Record<string, unknown>;

/** The fields of a whole that are read from other tables: a row does not have them. */
const GATHERED = new Set(['items', 'default_rates', 'terms', 'next', 'product_name', 'rates', 'lines', 'discount_rows', 'rate_rows', 'source', 'discount', 'scheduled']);
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

  /** What exists before the story begins. */
  keep(table: string, row: object): void {
    this.put({ table, before: null, after: row });
  }

  private put({ table, before, after }: Put): void {
    const rows = this.table(table);
    const id = ((after ?? before) as Row).id;
    const stored = rows.get(id);
    assert.equal(stored !== undefined, before !== null, `${table} ${id} is ${stored ? 'there already' : 'not there'}`);
    if (after === null) {
      rows.delete(id);
      return;
    }
    const [was, is] = [before as Row | null, after as Row];
    const row = stored ?? ({} as Row);
    for (const field in is) if (isColumn(table, field) && (was === null || was[field] !== is[field])) (row as Record<string, unknown>)[field] = is[field];
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
    return found.sort((a, b) => a.position - b.position).map((discount) => ({ ...discount, source: this.get<CouponRow>('coupons', discount.coupon) }));
  }

  customer(id: string): CustomerWhole {
    return { ...this.get<CustomerRow>('customers', id), discount: null };
  }

  private item(row: SubscriptionItemRow): SubscriptionItemWhole {
    const terms = this.get<PriceRow>('prices', row.price);
    return { ...row, terms, product_name: terms.product, discounts: this.discounts((one) => one.subscription_item === row.id), rates: this.rates(row.tax_rates) };
  }

  subscription(id: string): SubscriptionWhole {
    const row = this.get<SubscriptionRow>('subscriptions', id);
    const items = this.all<SubscriptionItemRow>('subscription_items').filter((item) => item.subscription === id && !item.deleted);
    return {
      ...row,
      items: items.sort((a, b) => (a.id < b.id ? -1 : 1)).map((item) => this.item(item)),
      discounts: this.discounts((one) => one.subscription === id && one.subscription_item === null),
      default_rates: this.rates(row.default_tax_rates),
      scheduled: null,
      updating: [],
    };
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

  invoices(): (InvoiceRow & { lines: InvoiceLineRow[] })[] {
    const lines = Map.groupBy(this.all<InvoiceLineRow>('invoice_lines'), (line) => line.invoice);
    return this.all<InvoiceRow>('invoices').map((invoice) => ({ ...invoice, lines: (lines.get(invoice.id) ?? []).sort((a, b) => a.position - b.position) }));
  }
}

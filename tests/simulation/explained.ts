/** The facts by which the invoices of a life are explained, read from what it has left behind. */
import assert from 'node:assert/strict';
import type { DiscountRow, DiscountWhole, PriceRow } from '../../billing/catalog.ts';
import { backOf, sumOfUsage, type Used } from '../../billing/metering.ts';
import type { CreditedDebit, ExplainFacts, Usage } from '../../billing/explain/explanation.ts';
import { afterDiscounts, itemizedOf, netOfItem, type InvoiceItemRow, type InvoiceLineRow, type InvoiceRow } from '../../billing/invoice/invoice.ts';
import { formatDecimal } from '../../billing/money.ts';
import type { SubscriptionRow } from '../../billing/subscription/subscription.ts';
import { usedIn, usesIn, type Life } from './engine.ts';

function usage(life: Life, line: InvoiceLineRow): Usage {
  const { meter, dimension_prices } = life.store.get<PriceRow>('prices', line.price!);
  const found = usesIn(life.history, { meter: meter!, start: line.period_start, end: line.period_end });
  const times = found.map((use) => use.at);
  return {
    meter: 'mtr_1', meter_name: 'Calls', formula: 'sum', window: null, events: found.length, ...countedOf(usedIn(found, dimension_prices)), as_of: line.period_end, events_url: '/events',
    first: times.length > 0 ? Math.min(...times) : null, last: times.length > 0 ? Math.max(...times) : null,
  };
}

/** Usage as an explanation has it. */
export const countedOf = (used: Used): Pick<Usage, 'counted' | 'groups'> => ({ counted: formatDecimal(sumOfUsage(used)), ...(typeof used !== 'string' && { groups: used }) });

/** Of a preview, what is credited may stand on no more than the preview. */
function debit({ store }: Life, line: InvoiceLineRow, beside: readonly InvoiceLineRow[]): CreditedDebit {
  const credited = line.proration_details!.credited_items!;
  if ('invoice_item' in credited) {
    const shown = beside.find((each) => each.invoice_item === credited.invoice_item);
    if (shown) return { invoice: null, invoice_number: null, line: null, invoice_item: credited.invoice_item, net: netOfItem(shown), discounts: itemizedOf(shown), start: shown.period_start, end: shown.period_end };
    const item = store.get<InvoiceItemRow>('invoice_items', credited.invoice_item);
    return { invoice: item.invoice, invoice_number: null, line: null, invoice_item: item.id, net: netOfItem(item), discounts: itemizedOf(item), start: item.period_start, end: item.period_end };
  }
  const [id] = credited.invoice_line_items;
  const charged = store.get<InvoiceLineRow>('invoice_lines', id!);
  assert.equal(charged.invoice, credited.invoice);
  return { invoice: charged.invoice, invoice_number: store.get<InvoiceRow>('invoices', charged.invoice).number, line: charged.id, invoice_item: null, net: afterDiscounts(charged), discounts: charged.discount_amounts, start: charged.period_start, end: charged.period_end };
}

/** `given`: discounts that only a preview has. */
export function factsOf(life: Life, lines: readonly InvoiceLineRow[], given: readonly DiscountWhole[] = []): ExplainFacts {
  const { store } = life;
  const prices = new Map(store.all<PriceRow>('prices').map((price) => [price.id, price]));
  const metered = lines.filter((line) => prices.get(line.price ?? '')?.recurring?.usage_type === 'metered');
  const credits = lines.filter((line) => line.proration_details?.credited_items);
  const stored = new Set(store.all<DiscountRow>('discounts').map((each) => each.id));
  const contained = lines.flatMap((line) => line.proration_details?.discount_amounts ?? []).map((each) => each.discount).filter((id) => stored.has(id));
  return {
    prices,
    subscriptions: new Map(store.all<SubscriptionRow>('subscriptions').map((each) => [each.id, each])),
    usage: new Map(metered.map((line) => [line.id, usage(life, line)])),
    debits: new Map(credits.map((line) => [line.id, debit(life, line, lines)])),
    corrected: new Map(lines.flatMap((line) => {
      const row = backOf(line) && store.get<InvoiceLineRow>('invoice_lines', backOf(line)!.line);
      return row ? [[row.id, { row, number: store.get<InvoiceRow>('invoices', row.invoice).number }]] : [];
    })), made_up: new Map(),
    discounts: new Map([...given, ...contained.map((id) => store.discount(id))].map((discount) => [discount.id, discount])),
  };
}

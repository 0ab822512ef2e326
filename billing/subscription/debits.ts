/** What a subscription was charged for its periods, what a change gives back of it, and the amounts that wait for an invoice. */
import type { Period } from '../calendar.ts';
import type { TaxRateRow } from '../catalog.ts';
import { assert, type Instant, type Moment } from '../decision.ts';
import type { DiscountAmount } from '../discount.ts';
import type { LineOrder } from '../invoice/draft.ts';
import { storedDiscounts, type InvoiceItemWhole, type ProrationDetails, type StoredDiscountAmount } from '../invoice/invoice.ts';
import type { ProrationCredit, ProrationUnit } from '../proration.ts';
import type { Debit, SubscriptionFacts, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from './subscription.ts';
import { dayText } from './words.ts';

/** An amount that waits for an invoice, made of what would be a line. */
export function waiting(subscription: SubscriptionWhole, line: Omit<LineOrder, 'metadata'> & { metadata?: Record<string, string> }, moment: Moment): InvoiceItemWhole {
  const { period, rates, discounts, metadata = {}, metering = null, correction = null, quantity_decimal, ...rest } = line;
  return {
    ...rest,
    id: moment.newId('ii'),
    created: moment.now,
    customer: subscription.customer,
    subscription: subscription.id,
    invoice: null,
    test_clock: subscription.test_clock,
    currency: subscription.currency,
    period_start: period.start,
    period_end: period.end,
    quantity_decimal: quantity_decimal ?? '1',
    metering,
    correction,
    tax_rates: rates.map((rate) => rate.id),
    metadata,
    discounts: [...discounts],
    rates: [...rates],
  };
}

/** Whether what discounts take of the subscription's prorations stands beside their amounts. */
export const isItemized = ({ billing_mode }: Pick<SubscriptionRow, 'billing_mode'>): boolean => billing_mode.flexible.proration_discounts === 'itemized';

/** A credit for the unused part of a debit. */
export function creditItem(subscription: SubscriptionWhole, item: SubscriptionItemWhole, debit: Debit, credit: ProrationCredit, at: Instant, { rates, account }: Pick<SubscriptionFacts, 'rates' | 'account'>, moment: Moment): InvoiceItemWhole {
  const credited_items: ProrationDetails['credited_items'] =
    debit.invoice_item !== null ? { invoice_item: debit.invoice_item } : debit.invoice !== null && debit.line !== null ? { invoice: debit.invoice, invoice_line_items: [debit.line] } : null;
  return waiting(
    subscription,
    {
      amount: isItemized(subscription) ? credit.gross : credit.net,
      description: `Unused time on ${debit.quantity} × ${debit.product_name} after ${dayText(at)}`,
      discountable: false,
      period: { start: Math.max(at, debit.start), end: debit.end },
      price: debit.price,
      product: debit.product,
      unit_amount_decimal: null,
      quantity_decimal: debit.quantity,
      subscription: subscription.id,
      subscription_item: item.id,
      proration: true,
      proration_details: { credited_items, ...discountedBy(subscription, isItemized(subscription) ? credit.discount_amounts : []), ...countedIn(account.proration) },
      discounts: [],
      rates: debit.tax_rates.map((id) => {
        const rate = rates.get(id);
        assert(rate !== undefined, `the tax rate ${id} of a debit was loaded`);
        return rate;
      }),
    },
    moment,
  );
}

/** How a proration says what discounts took of it, and whether that is in its amount. */
export function discountedBy(subscription: Pick<SubscriptionRow, 'billing_mode'>, amounts: readonly DiscountAmount[]): Pick<ProrationDetails, 'discount_amounts' | 'itemized'> {
  return { discount_amounts: storedDiscounts(amounts), ...(isItemized(subscription) && { itemized: true }) };
}

/** The tax rates of an item as they are now. */
export const ratesOf = (subscription: Pick<SubscriptionWhole, 'default_rates'>, item: Pick<SubscriptionItemWhole, 'rates'>): TaxRateRow[] => (item.rates.length > 0 ? item.rates : subscription.default_rates);

/** What a line or an item charges for an item, after `discounts`: to be given back for the part that is not used. */
export function debitOfItem(subscription: SubscriptionWhole, item: SubscriptionItemWhole, net: bigint, discounts: readonly StoredDiscountAmount[], period: Period, where: Pick<Debit, 'invoice' | 'line' | 'invoice_item'>): Debit {
  return {
    amount: net.toString(),
    ...(discounts.length > 0 && { discounts: [...discounts] }),
    start: period.start,
    end: period.end,
    tax_rates: ratesOf(subscription, item).map((rate) => rate.id),
    price: item.price,
    product: item.terms.product,
    product_name: item.product_name,
    quantity: String(item.quantity),
    ...where,
  };
}

/** The items without the debits that count no more; an item that has none of them is the same one. */
export const withoutDebits = (items: readonly SubscriptionItemWhole[], isGone: (debit: Debit) => boolean): SubscriptionItemWhole[] =>
  items.map((item) => (item.debits.some(isGone) ? { ...item, debits: item.debits.filter((debit) => !isGone(debit)) } : item));

/** How a proration says in what it was counted. */
export const countedIn = (unit: ProrationUnit): Pick<ProrationDetails, 'unit'> => (unit === 'day' ? { unit } : {});

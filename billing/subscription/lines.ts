/** What a subscription puts on an invoice: the lines of its items, and the items that wait for one. */
import type { Period } from '../calendar.ts';
import type { DiscountWhole, PriceRow, TaxRateRow } from '../catalog.ts';
import { assert, type Instant, type Moment } from '../decision.ts';
import { inForce, type DiscountAmount } from '../discount.ts';
import { beyondEarly, sameBack, type LeftOfEarly } from '../correction/early.ts';
import type { LineOrder } from '../invoice/draft.ts';
import type { InvoiceItemWhole, InvoiceLineRow, ProrationDetails, StoredDiscountAmount } from '../invoice/invoice.ts';
import { chargeable, includedIn, meteredAmount, notBilled, type BilledBefore, type Metering, type Used, type UsedGroup } from '../metering.ts';
import { formatDecimal, formatMoney, fromBigint, minor, minorDigits, parseDecimal } from '../money.ts';
import { amountOf, isTooLarge, LARGEST_AMOUNT } from '../pricing/amount.ts';
import { groupsOf, type DimensionTerms } from '../pricing/dimensions.ts';
import type { PriceTerms } from '../pricing/price.ts';
import { partOf, type ProrationCredit, type ProrationUnit } from '../proration.ts';
import { fullPeriod } from './periods.ts';
import type { Debit, SubscriptionFacts, SubscriptionItemWhole, SubscriptionRow, SubscriptionWhole } from './subscription.ts';

const inCurrency = new WeakMap<PriceRow, Map<string, PriceTerms>>();

/** What a price says in a currency: its own terms, or those of its `currency_options`; null where it has none. */
export function termsIn(price: PriceRow, currency: string): PriceTerms | null {
  if (price.currency === currency) return price;
  const option = price.currency_options?.[currency];
  if (option === undefined) return null;
  const known = inCurrency.get(price) ?? new Map<string, PriceTerms>();
  inCurrency.set(price, known);
  const dimension_prices = price.dimension_prices?.map((entry) => ({ ...entry, ...entry.currency_options![currency]! })) ?? null;
  const terms = known.get(currency) ?? { ...price, unit_amount_decimal: option.unit_amount_decimal, tiers: option.tiers, dimension_prices };
  known.set(currency, terms);
  return terms;
}

type Sold = Pick<SubscriptionItemWhole, 'terms' | 'product_name' | 'quantity'>;

export const isMetered = (item: Pick<SubscriptionItemWhole, 'terms'>): boolean => item.terms.recurring?.usage_type === 'metered';

function termsOf(subscription: Pick<SubscriptionRow, 'currency'>, item: Pick<Sold, 'terms'>): PriceTerms {
  const terms = termsIn(item.terms, subscription.currency);
  assert(terms !== null, `${item.terms.id} has an amount in ${subscription.currency}`);
  return terms;
}

/** What a licensed item costs for one full period. */
export function fullAmount(subscription: Pick<SubscriptionRow, 'currency'>, item: Sold): bigint {
  assert(item.quantity !== null, 'a licensed item has a quantity');
  return amountOf(termsOf(subscription, item), fromBigint(item.quantity));
}

/** A unit amount for people: `$20.00`, or where it is finer than a cent an exact decimal, `USD 0.0025`. */
function unitText(decimal: string, currency: string): string {
  const { digits, scale } = parseDecimal(decimal)!;
  if (scale === 0) return formatMoney(digits, currency);
  return `${currency.toUpperCase()} ${formatDecimal({ digits, scale: scale + minorDigits(currency) })}`;
}

function everyText({ recurring }: Pick<PriceRow, 'recurring'>): string {
  return recurring === null ? '' : recurring.interval_count === 1 ? ` / ${recurring.interval}` : ` / ${recurring.interval_count} ${recurring.interval}s`;
}

function amountText({ unit_amount_decimal, transform_quantity }: PriceTerms, currency: string): string {
  const pack = transform_quantity === null ? '' : ` per ${transform_quantity.divide_by}`;
  return unit_amount_decimal === null ? 'tiered pricing' : `at ${unitText(unit_amount_decimal, currency)}${pack}`;
}

const priceText = (subscription: Pick<SubscriptionRow, 'currency'>, item: Pick<Sold, 'terms'>): string => `${amountText(termsOf(subscription, item), subscription.currency)}${everyText(item.terms)}`;

/** What was used of which group at which price: `120 × opus at $0.03, 40 × other at $0.01 / month`. A group of which nothing was used is left out. */
function groupsText(subscription: Pick<SubscriptionRow, 'currency'>, item: Pick<Sold, 'terms'>, groups: readonly UsedGroup[]): string {
  const used = groupsOf(termsOf(subscription, item)).flatMap(({ name, terms }, n) => (groups[n]!.quantity === '0' ? [] : [`${groups[n]!.quantity} × ${name} ${amountText(terms, subscription.currency)}`]));
  return used.length === 0 ? priceText(subscription, item) : `${used.join(', ')}${everyText(item.terms)}`;
}

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** `15 January 2026`, UTC. */
export function dayText(at: Instant): string {
  const day = Temporal.Instant.fromEpochMilliseconds(at * 1_000).toZonedDateTimeISO('UTC');
  return `${day.day} ${MONTHS[day.month - 1]} ${day.year}`;
}

export const live = (discounts: readonly DiscountWhole[], at: Instant): DiscountWhole[] => discounts.filter((discount) => !discount.ended && inForce(discount, at));

/** The discounts on the whole of the subscription's invoices: its own, or where it has none in force, its customer's. */
export function wholeDiscounts(subscription: Pick<SubscriptionWhole, 'discounts'>, customer: { discount: DiscountWhole | null }, at: Instant): DiscountWhole[] {
  const own = live(subscription.discounts, at);
  return own.length > 0 || customer.discount === null ? own : live([customer.discount], at);
}

type LineWords = { amount: bigint; description: string; period: Period; quantity: string; proration?: ProrationUnit; metering?: Metering };

function itemLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, at: Instant, words: LineWords): LineOrder {
  const { quantity, proration, ...rest } = words;
  return {
    ...rest,
    discountable: true,
    price: item.price,
    product: item.terms.product,
    unit_amount_decimal: termsOf(subscription, item).unit_amount_decimal,
    quantity_decimal: quantity,
    subscription: subscription.id,
    subscription_item: item.id,
    proration: proration !== undefined,
    proration_details: proration === undefined ? null : { credited_items: null, discount_amounts: [], ...countedIn(proration) },
    metadata: subscription.metadata,
    discounts: live(item.discounts, at),
    rates: item.rates,
  };
}

/** How a proration says in what it was counted. */
export const countedIn = (unit: ProrationUnit): Pick<ProrationDetails, 'unit'> => (unit === 'day' ? { unit } : {});

/** A licensed item for a period. `amount` is given where it is not that of one full period. */
export function licensedLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, period: Period, at: Instant, part?: { amount: bigint; unit: ProrationUnit }): LineOrder {
  const words = `${item.quantity} × ${item.product_name} (${priceText(subscription, item)})`;
  return itemLine(subscription, item, at, {
    amount: part?.amount ?? fullAmount(subscription, item),
    description: words,
    period,
    quantity: String(item.quantity),
    proration: part?.unit,
  });
}

/** A licensed item from the moment to the next boundary: its full period, or what is left of that. */
export function restLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, at: Instant, unit: ProrationUnit): LineOrder {
  const full = fullPeriod(subscription, item.terms, at);
  return licensedLine(subscription, item, { start: at, end: full.end }, at, full.start === at ? undefined : { amount: partOf(fullAmount(subscription, item), full, at, unit), unit });
}

/** A licensed item in a trial. */
export function trialLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, period: Period, at: Instant): LineOrder {
  return itemLine(subscription, item, at, { amount: 0n, description: `Free trial of ${item.quantity} × ${item.product_name}`, period, quantity: String(item.quantity) });
}

/**
 * The usage of a metered item in its period, which ends at the moment; also where there was none, since what is reported later is put on that line, or puts it right. Null for a licensed item. Usage in
 * a trial or a pause is free, and over an empty span there is none: null, too. `seated` is the subscription whose seats count, by default itself; `lasts` says that the period goes on until then, so that
 * all that it includes counts.
 */
export function periodUsageLine(subscription: SubscriptionWhole, item: SubscriptionItemWhole, usage: ReadonlyMap<string, Used>, at: Instant, { seated = subscription, lasts = at }: { seated?: SubscriptionWhole; lasts?: Instant } = {}): LineOrder | null {
  const start = item.current_period_start;
  if (!isMetered(item) || start >= at || subscription.status === 'paused' || (subscription.trial_end !== null && start < subscription.trial_end)) return null;
  return itemLine(subscription, item, at, { ...usageWords(subscription, item, usage.get(item.id) ?? '0', meteringOf(seated, item, { start, end: lasts }), item.early), period: { start, end: at } });
}

/** The seats of a subscription: the quantities of its licensed items, or of those of one product. */
function seatsOf(subscription: Pick<SubscriptionWhole, 'items'>, product: string | null): bigint {
  return subscription.items.filter((item) => !isMetered(item) && (product === null || item.terms.product === product)).reduce((sum, item) => sum + (item.quantity ?? 0n), 0n);
}

/** How the usage of an item in a period is billed beside its price: the seats are those that there are when it is billed. */
function meteringOf(subscription: SubscriptionWhole, item: SubscriptionItemWhole, period: Period): Metering {
  const { allowance, meter } = item.terms;
  assert(meter !== null, `the metered price ${item.price} has a meter`);
  const included = allowance && includedIn(allowance, seatsOf(subscription, allowance.seat_product), period, fullPeriod(subscription, item.terms, period.start));
  const { billed } = item;
  const before = billed?.start === item.current_period_start ? billed : null;
  return { meter, allowance: included, billed: before && billedBefore(before) };
}

const billedBefore = ({ start: _, ...billed }: NonNullable<SubscriptionItemWhole['billed']>): BilledBefore => billed;

/** What usage comes to, and what the line says of it. `early`: what is left of the lines that billed it before. */
function usageWords(subscription: Pick<SubscriptionRow, 'currency'>, item: Pick<Sold, 'terms' | 'product_name'>, used: Used, how: Metering, early: LeftOfEarly | null = null): { amount: bigint; description: string; quantity: string; metering: Metering } {
  const { amount: rest, quantity: billed, groups } = meteredAmount(termsOf(subscription, item), used, how);
  const { amount, left, back } = how.billed && early ? beyondEarly(early, rest) : { amount: rest, left: null, back: null };
  const quantity = formatDecimal(billed);
  const free = how.allowance ? `, ${how.allowance.included} included` : '';
  const price = groups === undefined ? priceText(subscription, item) : groupsText(subscription, item, notBilled(groups, how));
  const held = isTooLarge(amount);
  const before = how.billed && { ...how.billed, ...(left !== null && { left: left.toString() }), ...(back && { back }) };
  const metering = { meter: how.meter, allowance: how.allowance, billed: before, ...(groups && { groups }), ...(held && { held: amount.toString() }) };
  const description = `${quantity} × ${item.product_name}${free} (${price})${held ? `, held: more than ${formatMoney(LARGEST_AMOUNT, subscription.currency)}` : ''}`;
  return { amount: chargeable(amount), description, quantity, metering };
}

/** A draft's line of usage with what was used by now; the same line where that is what it says. `early`: what is left by now of the lines that billed it before. */
export function recount(line: InvoiceLineRow, sold: Pick<Sold, 'terms' | 'product_name'>, used: Used, early: LeftOfEarly | null): InvoiceLineRow {
  assert(line.metering !== null, `the line ${line.id} of usage says how it is metered`);
  const before = line.metering.billed;
  const { back: known, left, ...billed } = before ?? {};
  const { quantity, ...words } = usageWords(line, sold, used, { ...line.metering, billed: before && (billed as BilledBefore) }, early);
  const back = words.metering.billed?.back;
  const same = sameBack(back, known) && words.metering.billed?.left === left && quantity === line.quantity_decimal && (words.metering.groups ?? []).every((group, n) => group.quantity === line.metering!.groups?.[n]?.quantity);
  const credits = back ? back.credits.map((credit) => ({ ...credit, transaction: null })) : known ? [] : line.credits;
  return same ? line : { ...line, ...words, quantity_decimal: quantity, credits };
}

/** Usage that is asked for: what a meter counted for a customer within `[start, end)`, apart for the groups of a price where it has several. */
type UsageAsked = { key: string; meter: string; customer: string; start: Instant; end: Instant; groups: readonly DimensionTerms[] | null };

/** What usage sums a decision at the moment needs: those of the metered items that have a period behind them. */
export function usageAsked(subscription: SubscriptionWhole, at: Instant): UsageAsked[] {
  return subscription.items
    .filter((item) => isMetered(item) && item.terms.meter !== null && item.current_period_start < at)
    .map((item) => ({ key: item.id, meter: item.terms.meter!, customer: subscription.customer, start: item.current_period_start, end: at, groups: item.terms.dimension_prices }));
}

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
  const discount_amounts = amounts.map(({ discount, amount }) => ({ discount, amount: minor(amount) }));
  return { discount_amounts, ...(isItemized(subscription) && { itemized: true }) };
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

/** What is left of a line after its discounts, before exclusive tax. */
export function netOf(line: Pick<InvoiceLineRow, 'amount' | 'discount_amounts'>): bigint {
  return line.discount_amounts.reduce((net, each) => net - BigInt(each.amount), line.amount);
}

/** What a line says of prices and days, in English. */
import type { PriceRow } from '../catalog.ts';
import type { Instant } from '../decision.ts';
import type { UsedGroup } from '../metering.ts';
import { formatDecimal, formatMoney, minorDigits, parseDecimal } from '../money.ts';
import { groupsOf } from '../pricing/dimensions.ts';
import type { PriceTerms } from '../pricing/price.ts';
import { termsOf, type Sold } from './terms.ts';
import type { SubscriptionRow } from './subscription.ts';

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

export const priceText = (subscription: Pick<SubscriptionRow, 'currency'>, item: Pick<Sold, 'terms'>): string => `${amountText(termsOf(subscription, item), subscription.currency)}${everyText(item.terms)}`;

/** What was used of which group at which price: `120 × opus at $0.03, 40 × other at $0.01 / month`. A group of which nothing was used is left out. */
export function groupsText(subscription: Pick<SubscriptionRow, 'currency'>, item: Pick<Sold, 'terms'>, groups: readonly UsedGroup[]): string {
  const used = groupsOf(termsOf(subscription, item)).flatMap(({ name, terms }, n) => (groups[n]!.quantity === '0' ? [] : [`${groups[n]!.quantity} × ${name} ${amountText(terms, subscription.currency)}`]));
  return used.length === 0 ? priceText(subscription, item) : `${used.join(', ')}${everyText(item.terms)}`;
}

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

/** `15 January 2026`, UTC. */
export function dayText(at: Instant): string {
  const day = Temporal.Instant.fromEpochMilliseconds(at * 1_000).toZonedDateTimeISO('UTC');
  return `${day.day} ${MONTHS[day.month - 1]} ${day.year}`;
}

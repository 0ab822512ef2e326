/** What usage comes to while its period runs. */
import type { Instant } from '../decision.ts';
import { totalsOf, type Used } from '../metering.ts';
import { add, formatDecimal, parseDecimal } from '../money.ts';
import { groupOf } from '../pricing/dimensions.ts';
import type { PriceTerms } from '../pricing/price.ts';
import { periodUsageLine } from './lines.ts';
import type { SubscriptionWhole } from './subscription.ts';

/** The usage of an item since its period began: its whole cost, also where it is held, and what of it would be billed; minor units, before discounts, credits and tax. */
export type ItemCost = { item: string; meter: string; currency: string; amount: bigint; unbilled_amount: bigint };

/** Usage that may come, with the values of its meter's dimensions. */
export type More = { meter: string; quantity: string; dimensions: Readonly<Record<string, string>> };

function withMore(used: Used, terms: PriceTerms, more: readonly More[]): Used {
  const entries = terms.dimension_prices ?? [];
  const totals = totalsOf(used, entries.length + 1);
  for (const { quantity, dimensions } of more) {
    const n = groupOf(entries, dimensions);
    totals[n] = add(totals[n]!, parseDecimal(quantity)!);
  }
  return totals.map(formatDecimal);
}

/** What the metered items of a subscription come to by a moment, with all that their periods include. `usage` is by item; `more` is usage that may come. */
export function costSoFar(subscription: SubscriptionWhole, usage: ReadonlyMap<string, Used>, at: Instant, more: readonly More[] = []): ItemCost[] {
  return subscription.items.flatMap((item): ItemCost[] => {
    const { meter } = item.terms;
    if (meter === null) return [];
    const used = withMore(usage.get(item.id) ?? '0', item.terms, more.filter((each) => each.meter === meter));
    const line = periodUsageLine(subscription, item, new Map([[item.id, used]]), at, { lasts: item.current_period_end });
    const unbilled_amount = line?.amount ?? 0n;
    return [{ item: item.id, meter, currency: subscription.currency, amount: BigInt(line?.metering?.held ?? unbilled_amount) + BigInt(line?.metering?.billed?.amount ?? 0), unbilled_amount }];
  });
}

/** What usage comes to while its period runs. */
import type { Instant } from '../decision.ts';
import { add, formatDecimal, parseDecimal } from '../money.ts';
import { periodUsageLine } from './lines.ts';
import type { SubscriptionWhole } from './subscription.ts';

/** The usage of an item since its period began: its whole cost, and what of it no invoice has billed; minor units, before discounts, credits and tax. */
export type ItemCost = { item: string; meter: string; currency: string; amount: bigint; unbilled_amount: bigint };

/** What the metered items of a subscription come to by a moment, with all that their periods include. `usage` is by item; `more` is usage that may come, by meter. */
export function costSoFar(subscription: SubscriptionWhole, usage: ReadonlyMap<string, string>, at: Instant, more: ReadonlyMap<string, string> = new Map()): ItemCost[] {
  return subscription.items.flatMap((item): ItemCost[] => {
    const { meter } = item.terms;
    if (meter === null) return [];
    const total = formatDecimal(add(parseDecimal(usage.get(item.id) ?? '0')!, parseDecimal(more.get(meter) ?? '0')!));
    const line = periodUsageLine(subscription, item, new Map([[item.id, total]]), at, { lasts: item.current_period_end });
    const unbilled_amount = line?.amount ?? 0n;
    return [{ item: item.id, meter, currency: subscription.currency, amount: unbilled_amount + BigInt(line?.metering?.billed?.amount ?? 0), unbilled_amount }];
  });
}

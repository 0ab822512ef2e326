/** What a phase asks of its subscription: where that begins with it, where it changes with it, and where the phase that runs was changed. */
import type { DiscountWhole, TaxRateRow } from '../catalog.ts';
import type { Instant } from '../decision.ts';
import { inForce } from '../discount.ts';
import { mergeMetadata } from '../metadata.ts';
import type { DiscountGiven } from '../redeem.ts';
import { NO_CHANGE, type ChangeOrder, type ProrationBehavior } from '../subscription/change.ts';
import type { AddedOnce, NewItem } from '../subscription/items.ts';
import type { StartOrder } from '../subscription/start.ts';
import type { SubscriptionItemWhole, SubscriptionWhole } from '../subscription/subscription.ts';
import { cancelDate, type Phase, type ScheduleWhole } from './schedule.ts';

/** A phase with all that it names, as it is there now. What was promised when the schedule was made holds, though it may not be sold any more. */
export type PhaseTerms = { phase: Phase; items: readonly NewItem[]; add_invoice_items: readonly AddedOnce[]; discounts: readonly DiscountGiven[]; default_rates: TaxRateRow[] | null };

/** What the phase says, or else the default settings; null where neither does. */
function settingsOf({ default_settings }: ScheduleWhole, phase: Phase) {
  const words = { ...default_settings.invoice_settings, ...phase.invoice_settings };
  const collection_method = phase.collection_method ?? default_settings.collection_method;
  return {
    collection_method,
    days_until_due: collection_method === 'send_invoice' ? (phase.invoice_settings?.days_until_due ?? default_settings.invoice_settings.days_until_due) : null,
    default_payment_method: phase.default_payment_method ?? default_settings.default_payment_method,
    description: phase.description ?? default_settings.description,
    billing_thresholds: phase.billing_thresholds ?? default_settings.billing_thresholds ?? undefined,
    invoice_settings: { custom_fields: words.custom_fields, description: words.description, footer: words.footer },
    anchored: (phase.billing_cycle_anchor ?? default_settings.billing_cycle_anchor) === 'phase_start',
  };
}

/** The subscription that begins with the phase. Its first invoice stays a draft for an hour, as those of renewals do. */
export function startOrder(schedule: ScheduleWhole, { phase, ...terms }: PhaseTerms): StartOrder {
  const { anchored: _anchored, ...settings } = settingsOf(schedule, phase);
  return {
    ...settings,
    scheduled: schedule,
    currency: phase.currency,
    items: terms.items.map(added),
    add_invoice_items: terms.add_invoice_items,
    discounts: terms.discounts,
    default_rates: terms.default_rates ?? [],
    metadata: mergeMetadata({}, phase.metadata),
    billing_cycle_anchor: null,
    billing_cycle_anchor_config: null,
    backdate_start_date: null,
    trial_end: phase.trial_end,
    trial_period_days: null,
    trial_from_plan: false,
    trial_settings: { end_behavior: { missing_payment_method: 'create_invoice' } },
    billing_mode: schedule.billing_mode,
    cancel_at: cancelDate(schedule),
    cancel_at_period_end: false,
    payment_settings: { save_default_payment_method: 'off' },
    proration_behavior: 'create_prorations',
    payment_behavior: 'in_due_time',
    off_session: true,
  };
}

/** How the phase is entered. `begins`: now; else it runs already, and was changed. `at_boundary`: a renewal comes at this very moment. */
type Entering = { begins: boolean; at_boundary: boolean; proration_behavior: ProrationBehavior; now: Instant };

/** The change that makes the subscription what the phase says. */
export function changeOrder(schedule: ScheduleWhole, { phase, ...terms }: PhaseTerms, subscription: SubscriptionWhole, how: Entering): ChangeOrder {
  const { anchored, ...settings } = settingsOf(schedule, phase);
  const end = cancelDate(schedule);
  return {
    ...NO_CHANGE,
    collection_method: settings.collection_method,
    ...(settings.collection_method === 'send_invoice' && { days_until_due: settings.days_until_due }),
    default_payment_method: settings.default_payment_method ?? undefined,
    description: settings.description ?? undefined,
    billing_thresholds: settings.billing_thresholds,
    invoice_settings: settings.invoice_settings,
    items: itemsAsked(terms.items, subscription, how.now),
    discounts: goingOn(terms.discounts, subscription.discounts, how.now),
    default_rates: terms.default_rates ?? undefined,
    metadata: phase.metadata,
    add_invoice_items: how.begins ? terms.add_invoice_items : [],
    billing_cycle_anchor: how.begins && anchored ? 'now' : 'unchanged',
    trial_end: trialAsked(phase, subscription, how),
    ...(end !== subscription.cancel_at && { cancel_at: end }),
    proration_behavior: how.proration_behavior,
    payment_behavior: 'in_due_time',
    off_session: true,
    at_boundary: how.at_boundary,
  };
}

/** A phase that runs and is a trial until its end leaves one that lasts longer as it is: what becomes of that is said by what comes after. */
function trialAsked({ trial_end, end_date }: Phase, subscription: SubscriptionWhole, { begins, now }: Entering): ChangeOrder['trial_end'] {
  if (trial_end === null || trial_end <= now) return 'now';
  return !begins && trial_end === end_date && (subscription.trial_end ?? 0) > end_date ? undefined : trial_end;
}

/** The phase's items as the whole: those of the same price stay, the others take each other's places in their order, and what is left over comes or goes. */
function itemsAsked(items: readonly NewItem[], { items: there }: SubscriptionWhole, now: Instant): ChangeOrder['items'] {
  const byPrice = new Map(there.map((item) => [item.price, item]));
  const free = there.filter((item) => !items.some((asked) => asked.price.terms.id === item.price));
  const asked = items.map((item): ChangeOrder['items'][number] => {
    const place = byPrice.get(item.price.terms.id) ?? free.shift();
    return place ? { change: changeOf(item, place, now) } : { add: added(item) };
  });
  return [...asked, ...free.map((item) => ({ change: { param: 'items', id: item.id, deleted: true } }))];
}

/** An empty value takes a key away, and there is none yet. */
const added = (item: NewItem): NewItem => ({ ...item, metadata: mergeMetadata({}, item.metadata) });

function changeOf({ param, price, quantity, tax_rates, metadata, discounts, billing_thresholds }: NewItem, place: SubscriptionItemWhole, now: Instant) {
  const same = price.terms.id === place.price;
  const rates = tax_rates.map((rate) => rate.id).join() === place.tax_rates.join() ? undefined : tax_rates;
  return { param, id: place.id, ...(!same && { price }), ...(quantity !== undefined && { quantity }), ...(rates && { tax_rates: rates }), metadata, billing_thresholds, discounts: goingOn(discounts, place.discounts, now) };
}

/** A coupon that gives its discount goes on giving it. One whose time is over by now is redeemed anew; a discount that is over is not given again. */
function goingOn(given: readonly DiscountGiven[], there: readonly DiscountWhole[], now: Instant): DiscountGiven[] {
  return given.map((each) => {
    if ('discount' in each) return each;
    const running = there.find((discount) => discount.coupon === each.coupon.id && discount.promotion_code === (each.promotion_code?.id ?? null) && inForce(discount, now));
    return running ? { param: each.param, discount: running } : each;
  });
}

/** An item in a trial offer (docs/concepts/bill.md, "A subscription's periods"): how long it lasts, and what becomes of it then. */
import { boundary, periodAt } from '../calendar.ts';
import { refuse, type Instant, type Moment } from '../decision.ts';
import type { TrialOfferRow } from '../trial_offer.ts';
import type { PriceAsked } from './items.ts';
import { fullPeriod, isTrialing, keepsAnchor, recurrenceOf, type Grid } from './periods.ts';
import type { SubscriptionItemWhole, SubscriptionRow } from './subscription.ts';

/** The offer that an item is asked to be in, with the price after it. */
export type OfferAsked = { param: string; offer: TrialOfferRow; transition: PriceAsked };

type Trial = Pick<SubscriptionItemWhole, 'current_trial' | 'transition'>;

/** When a trial of that many periods ends which begins at the moment, a first part of a period counting as one. */
function endOf(item: Pick<SubscriptionItemWhole, 'terms'>, iterations: number, { billing_cycle_anchor: anchor, billing_cycle_anchor_config: config }: Grid, at: Instant): Instant {
  const recurrence = recurrenceOf(item.terms);
  const { index } = periodAt(anchor, recurrence, at, config?.day_of_month);
  return boundary(anchor, recurrence, index + iterations, config?.day_of_month);
}

/** The item's trial from the moment on. */
export function beginTrial({ param, offer, transition }: OfferAsked, item: Pick<SubscriptionItemWhole, 'terms'>, subscription: Grid & Pick<SubscriptionRow, 'trial_end'>, moment: Moment): Trial {
  if (!offer.active) refuse(undefined, `The trial offer ${offer.id} is archived. Activate it, or use another one.`, param);
  if (offer.price !== item.terms.id) refuse(undefined, `The price of the trial offer ${offer.id} is ${offer.price}. Leave \`price\` out, or give that one.`, param);
  if (isTrialing(subscription, moment.now)) refuse(undefined, 'A subscription in its trial is free: an item of it cannot be in a trial offer as well.', param);
  const { id: trial_offer, iterations, transition_price } = offer;
  return { current_trial: { trial_offer, iterations, transition_price, start_date: moment.now, end_date: endOf(item, iterations, subscription, moment.now) }, transition: { terms: transition.terms, product_name: transition.product_name } };
}

/** A trial that begins at the moment at which all periods do is counted from the new anchor. */
export function retimed(item: SubscriptionItemWhole, grid: Grid, at: Instant): Pick<SubscriptionItemWhole, 'current_trial'> {
  const { current_trial } = item;
  return { current_trial: current_trial?.start_date === at ? { ...current_trial, end_date: endOf(item, current_trial.iterations, grid, at) } : current_trial };
}

/** Whether the item's trial is over at an end of its period. */
export const endsTrial = ({ current_trial, transition, current_period_end }: SubscriptionItemWhole, at: Instant): boolean => current_trial !== null && transition != null && current_period_end === at && current_trial.end_date <= at;

/** Whether the end of its trial ends all periods: where the price after it has no boundary then, and the anchor is not to be left alone. */
export const movesAnchor = (item: SubscriptionItemWhole, subscription: Grid & Pick<SubscriptionRow, 'trial_settings'>, at: Instant): boolean =>
  endsTrial(item, at) && !keepsAnchor(subscription) && fullPeriod(subscription, item.transition!.terms, at).start !== at;

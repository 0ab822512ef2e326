/** From phases as they are asked for to phases with their times: one after the other, without gap or overlap. */
import { boundary, type Recurrence } from '../calendar.ts';
import { refuse, type Instant, type Moment } from '../decision.ts';
import { noRedemptions, redeem, type DiscountGiven } from '../redeem.ts';
import { fullSum, MOST_ITEMS, quantityOf, refusePrice, refuseThreshold, type AddedOnce, type NewItem } from '../subscription/items.ts';
import { recurrenceOf } from '../subscription/periods.ts';
import { within } from '../price.ts';
import type { Phase, PhaseAddition, PhaseDiscount } from './schedule.ts';

/** At most this many phases that are not over. */
const MOST_PHASES = 10;

/** A phase as it is asked for, with what it names. */
export type PhaseAsked = Omit<Phase, 'start_date' | 'end_date' | 'trial_end' | 'items' | 'add_invoice_items' | 'currency' | 'discounts'> & {
  /** How the phase was spelt, e.g. `phases[0]`. */
  param: string;
  /** Null where it is the price's own. */
  currency: string | null;
  items: readonly NewItem[];
  add_invoice_items: readonly (AddedOnce & Pick<PhaseAddition, 'period'>)[];
  discounts: readonly DiscountGiven[];
  start_date: Instant | 'now' | undefined;
  end_date: Instant | 'now' | undefined;
  duration: Recurrence | undefined;
  trial: boolean;
  trial_end: Instant | 'now' | undefined;
};

/** For whom the phases are: a promotion code may be for some customers only. */
export type Buyer = { customer: string; first_time: boolean; /** What the customer is billed in, if anything was. */ billed_in: string | null };

/** The phases from `start` on or, where that is null, from where the first one says. */
export function layPhases(asked: readonly PhaseAsked[], start: Instant | null, who: Buyer, moment: Moment): Phase[] {
  const phases: Phase[] = [];
  for (const each of asked) phases.push(layPhase(each, phases.at(-1)?.end_date ?? start, who, moment));
  const [first] = phases;
  if (who.billed_in !== null && first!.currency !== who.billed_in) refuse(undefined, `This customer is billed in ${who.billed_in}; a schedule in ${first!.currency} is not possible.`, within(asked[0]!.param)('currency'));
  const ahead = phases.filter((phase) => phase.end_date > moment.now).length;
  if (ahead > MOST_PHASES) refuse(undefined, `A schedule has at most ${MOST_PHASES} phases that are not over; this would make ${ahead}.`, 'phases');
  phases.forEach((phase, n) => {
    if (phase.currency !== first!.currency) refuse(undefined, `All phases have one currency: the first is in ${first!.currency}, this one in ${phase.currency}.`, within(asked[n]!.param)('currency'));
  });
  return phases;
}

const instantOf = (given: Instant | 'now', moment: Moment): Instant => (given === 'now' ? moment.now : given);

function layPhase(asked: PhaseAsked, after: Instant | null, who: Buyer, moment: Moment): Phase {
  const { param, start_date: given, end_date, duration, trial, trial_end, items, add_invoice_items, discounts, currency: inCurrency, ...terms } = asked;
  if (given === undefined && after === null) refuse('parameter_missing', 'Say when the first phase starts: give its `start_date`.', within(param)('start_date'));
  const start = given === undefined ? after! : instantOf(given, moment);
  if (after !== null && start !== after) refuse(undefined, `Phases follow each other without gap or overlap: this one starts at ${after}, where the one before ends. Leave \`start_date\` out, or move that end.`, within(param)('start_date'));
  const [item] = items;
  if (!item) return refuse('parameter_missing', 'A phase has at least one item.', within(param)('items'));
  const currency = inCurrency ?? item.price.terms.currency;
  refuseItems(asked, currency);
  refuseDiscounts(asked, currency, who, moment);
  const end = end_date === undefined ? boundary(start, duration ?? recurrenceOf(item.price.terms), 1) : instantOf(end_date, moment);
  if (end <= start) refuse(undefined, `The phase starts at ${start}; it must end later.`, within(param)('end_date'));
  return {
    ...terms,
    start_date: start,
    end_date: end,
    currency,
    items: items.map(({ price, quantity, param: at, tax_rates, metadata, discounts: own, billing_thresholds = null }) => {
      refuseThreshold({ terms: price.terms, billing_thresholds }, at);
      const counted = quantityOf(price.terms, quantity, currency, at);
      return { price: price.terms.id, quantity: counted === null ? null : Number(counted), tax_rates: tax_rates.map((rate) => rate.id), metadata, discounts: own.map(named), billing_thresholds };
    }),
    add_invoice_items: add_invoice_items.map(({ price, quantity, discountable, tax_rates, metadata, discounts: own, period }) => ({
      price: price.terms.id, quantity: Number(quantity), discountable, tax_rates: tax_rates.map((rate) => rate.id), metadata, discounts: own.map(named), period,
    })),
    discounts: discounts.map(named),
    trial_end: trialOf(asked, start, end),
  };
}

function trialOf({ param, trial, trial_end }: PhaseAsked, start: Instant, end: Instant): Instant | null {
  const at = within(param)('trial_end');
  if (trial && trial_end !== undefined && trial_end !== end) refuse(undefined, 'A phase that is a trial ends with it: leave `trial_end` out, or `trial`.', at);
  if (trial) return end;
  if (trial_end === undefined || trial_end === 'now') return null;
  if (trial_end <= start || trial_end > end) refuse(undefined, `A trial ends within its phase, which runs from ${start} to ${end}.`, at);
  return trial_end;
}

/** Refuses what no subscription could have, now rather than when the phase begins. */
function refuseItems({ param, items, add_invoice_items }: PhaseAsked, currency: string): void {
  if (items.length > MOST_ITEMS) refuse(undefined, `A subscription has at most ${MOST_ITEMS} items.`, within(param)('items'));
  const prices = new Set<string>();
  for (const { price } of items) {
    refusePrice(price, 'recurring', currency);
    if (prices.has(price.terms.id)) refuse(undefined, `Two items of the phase have the price ${price.terms.id}. Add their quantities up in one.`, price.param);
    prices.add(price.terms.id);
  }
  for (const { price } of add_invoice_items) refusePrice(price, 'one_time', currency);
}

/** Refuses what cannot be redeemed now. It is redeemed when the phase begins, though its time may be over then. */
function refuseDiscounts({ items, add_invoice_items, discounts }: PhaseAsked, currency: string, who: Buyer, moment: Moment): void {
  const amount = fullSum(items.map(({ price, quantity }) => ({ terms: price.terms, quantity: quantity ?? 1n })), currency);
  for (const given of [discounts, ...items.map((item) => item.discounts), ...add_invoice_items.map((item) => item.discounts)]) {
    redeem(given, { customer: who.customer }, [], { customer: who.customer, first_time: who.first_time, amount, currency }, noRedemptions(), moment);
  }
}

function named(given: DiscountGiven): PhaseDiscount {
  if ('discount' in given) return { coupon: null, discount: given.discount.id, promotion_code: null };
  return given.promotion_code === null ? { coupon: given.coupon.id, discount: null, promotion_code: null } : { coupon: null, discount: null, promotion_code: given.promotion_code.id };
}

/** Schedules of a life, by the engine: made of the subscription as it is, then given its phases. */
import { editSchedule, releaseSchedule } from '../../billing/schedule/edit.ts';
import type { PhaseTerms } from '../../billing/schedule/enter.ts';
import type { PhaseAsked } from '../../billing/schedule/lay.ts';
import type { Phase as StoredPhase, PhaseDiscount } from '../../billing/schedule/schedule.ts';
import { createSchedule, scheduleOf, startAll, type Named, type ScheduleOrder } from '../../billing/schedule/start.ts';
import { Refusal, type Instant } from '../../billing/decision.ts';
import type { CouponRow, PriceRow, TaxRateRow } from '../../billing/catalog.ts';
import type { DiscountGiven } from '../../billing/redeem.ts';
import type { Life } from './engine.ts';
import type { Action, EndBehavior, Once, Phase } from './reference/history.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import type { Store } from './store.ts';

const ratesOf = (store: Store, ids: readonly string[]) => ids.map((id) => store.get<TaxRateRow>('tax_rates', id));

function discountsOf(store: Store, discounts: readonly PhaseDiscount[]): DiscountGiven[] {
  return discounts.flatMap(({ coupon, discount }): DiscountGiven[] => {
    if (discount === null) return [{ param: 'discounts', coupon: store.get<CouponRow>('coupons', coupon!), promotion_code: null, promised: true }];
    const whole = store.discount(discount);
    return whole.ended ? [] : [{ param: 'discounts', discount: whole }];
  });
}

function termsOf(store: Store, phase: StoredPhase): PhaseTerms {
  return {
    phase,
    items: phase.items.map((item) => {
      const terms = store.get<PriceRow>('prices', item.price);
      return {
        param: 'items', price: { param: 'price', terms, product_name: terms.product, product_active: true, promised: true }, quantity: item.quantity === null ? undefined : BigInt(item.quantity),
        tax_rates: ratesOf(store, item.tax_rates), metadata: {}, discounts: discountsOf(store, item.discounts), billing_thresholds: item.billing_thresholds ?? null,
      };
    }),
    add_invoice_items: phase.add_invoice_items.map((item) => {
      const terms = store.get<PriceRow>('prices', item.price);
      return {
        param: 'add_invoice_items', price: { param: 'price', terms, product_name: terms.product, product_active: true, promised: true }, quantity: BigInt(item.quantity), tax_rates: ratesOf(store, item.tax_rates), metadata: {},
        discounts: discountsOf(store, item.discounts), discountable: item.discountable, period_start: null, period_end: null,
      };
    }),
    discounts: discountsOf(store, phase.discounts),
    default_rates: phase.default_tax_rates === null ? null : ratesOf(store, phase.default_tax_rates),
  };
}

/** The phases that are still to begin. */
export function comingPhases(store: Store, { scheduled }: SubscriptionWhole): PhaseTerms[] {
  const after = scheduled?.current_phase?.end_date;
  return after === undefined ? [] : scheduled!.phases.filter((phase) => phase.start_date >= after).map((phase) => termsOf(store, phase));
}

const PLAIN = { currency: null, add_invoice_items: [], collection_method: null, default_payment_method: null, description: null, invoice_settings: null, metadata: {}, duration: undefined, trial: false };

/** The phase that runs, with another end. */
function going(store: Store, phase: StoredPhase, end: Instant): PhaseAsked {
  const { items, discounts } = termsOf(store, phase);
  return { ...PLAIN, param: 'phases[0]', items, discounts, default_tax_rates: phase.default_tax_rates, billing_cycle_anchor: null, proration_behavior: phase.proration_behavior, start_date: phase.start_date, end_date: end, trial_end: phase.trial_end ?? undefined };
}

/** What is billed once has the period that all items have in common. */
const onceAsked = (life: Life, all: readonly Once[] = []): PhaseAsked['add_invoice_items'] => all.map((once) => ({ ...life.addedOnce(once), period: { start: { type: 'max_item_period_start' }, end: { type: 'min_item_period_end' } } }));

function asked(life: Life, phase: Phase, n: number): PhaseAsked {
  return {
    ...PLAIN, param: `phases[${n}]`, items: phase.items.map((item) => life.asked(item)), add_invoice_items: onceAsked(life, phase.once), discounts: phase.discounts.map((coupon) => life.discount(coupon)),
    default_tax_rates: phase.default_tax_rates?.map((rate) => life.rate(rate).id) ?? null, billing_cycle_anchor: phase.anchored ? 'phase_start' : null, proration_behavior: phase.proration_behavior,
    start_date: phase.start, end_date: phase.end, trial_end: phase.trial_end ?? undefined,
  };
}

/** A schedule that begins the subscription itself, now or when its time has come. */
export function fromScratch(life: Life, made: Instant): void {
  const { store, history } = life;
  const { start, items, once, discounts, default_tax_rates, trial_end = null, currency, card, itemized } = history;
  const { end, phases, end_behavior } = history.scheduled!;
  const first: Phase = { start, end, items, once, discounts, default_tax_rates: default_tax_rates.length > 0 ? default_tax_rates : null, trial_end, anchored: false, proration_behavior: 'create_prorations' };
  const facts = { ...life.around(), subscriptions: 0, first_time: true, pending: [] };
  const named: Named = { terms: (phase) => termsOf(store, phase), rates: new Map() };
  const order: ScheduleOrder = {
    start_date: start, end_behavior, metadata: {}, billing_mode: { type: 'flexible', flexible: { proration_discounts: itemized ? 'itemized' : 'included' }, updated_at: null },
    default_settings: {
      billing_cycle_anchor: 'automatic', collection_method: card ? 'charge_automatically' : 'send_invoice', default_payment_method: null, description: null,
      invoice_settings: { custom_fields: null, days_until_due: card ? null : 30, description: null, footer: null },
    },
    phases: [first, ...phases].map((phase, n) => ({ ...asked(life, phase, n), currency })),
  };
  const rates = new Map(store.all<TaxRateRow>('tax_rates').map((rate) => [rate.id, rate]));
  const { schedule, ...decided } = createSchedule(order, facts, { ...named, rates }, store.moment(made));
  store.apply(decided);
  if (made < start) store.apply(startAll([{ schedule, facts }], { ...named, rates }, () => store.moment(start)));
}

export function adopt(life: Life, at: Instant, { end, phases, end_behavior }: { end: Instant; phases: readonly Phase[]; end_behavior: EndBehavior }): void {
  const { store } = life;
  const before = life.subscription;
  const made = scheduleOf(before, store.moment(at));
  const [first] = made.schedule.phases;
  const order = { phases: [going(store, first!, end), ...phases.map((phase, n) => asked(life, phase, n + 1))], end_behavior, proration_behavior: 'create_prorations' as const };
  const named: Named = { terms: (phase) => termsOf(store, phase), rates: new Map(store.all<TaxRateRow>('tax_rates').map((rate) => [rate.id, rate])) };
  const facts = life.facts(at);
  const running = { ...facts, first_time: true, subscription: { ...before, schedule: made.schedule.id, scheduled: made.schedule, cancel_at_period_end: false } };
  const edited = editSchedule(order, { schedule: made.schedule, running, starting: { ...life.around(), subscriptions: 1, first_time: true, pending: [] }, named }, store.moment(at));
  store.apply(made);
  store.apply(edited);
}

export function release(life: Life, { at, preserve_cancel_date }: Extract<Action, { kind: 'release' }>): void {
  const { subscription, store } = life;
  if (subscription.scheduled === null) throw new Refusal('resource_missing', 'There is no schedule.');
  store.apply(releaseSchedule({ preserve_cancel_date }, subscription.scheduled, subscription, store.moment(at)));
}

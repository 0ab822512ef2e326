/** What the phases of schedules name, read for all of them at once. */
import type { Moment } from '../../billing/decision.ts';
import type { DiscountGiven } from '../../billing/redeem.ts';
import type { PhaseTerms } from '../../billing/schedule/enter.ts';
import type { Phase, PhaseDiscount } from '../../billing/schedule/schedule.ts';
import type { Named } from '../../billing/schedule/start.ts';
import type { PriceAsked } from '../../billing/subscription/items.ts';
import type { SubscriptionWhole } from '../../billing/subscription/subscription.ts';
import { realMoment, type Context } from '../../server/context.ts';
import { readCatalogue, type Catalogue, type Naming } from './asked.ts';

/** The terms of stored phases and, beside them, what a request names. */
export async function readTerms(ctx: Context, phases: readonly Phase[], moment: Moment, asked: readonly Naming[] = []): Promise<{ catalogue: Catalogue; named: Named }> {
  const all: Naming[] = [...asked, ...phases.map(namesOf)];
  const naming: Naming = {
    items: all.flatMap((each) => each.items ?? []),
    add_invoice_items: all.flatMap((each) => each.add_invoice_items ?? []),
    discounts: all.flatMap((each) => each.discounts ?? []),
    default_tax_rates: all.flatMap((each) => each.default_tax_rates ?? []),
  };
  const catalogue = await readCatalogue(ctx, naming, moment);
  return { catalogue, named: { terms: (phase) => termsOf(phase, catalogue), rates: catalogue.rates } };
}

/** The terms of the phases that are still to begin, by subscription. */
export async function comingPhases(ctx: Context, subscriptions: readonly SubscriptionWhole[]): Promise<Map<string, PhaseTerms[]>> {
  const coming = new Map(subscriptions.map(({ id, scheduled }) => [id, scheduled?.phases.filter((phase) => scheduled.current_phase !== null && phase.start_date >= scheduled.current_phase.end_date) ?? []]));
  const phases = [...coming.values()].flat();
  if (phases.length === 0) return new Map();
  const { named } = await readTerms(ctx, phases, realMoment(ctx.app));
  return new Map([...coming].map(([id, own]) => [id, own.map(named.terms)]));
}

const namesOfDiscounts = (discounts: readonly PhaseDiscount[]) => discounts.map(({ coupon, discount, promotion_code }) => ({ ...(coupon !== null && { coupon }), ...(discount !== null && { discount }), ...(promotion_code !== null && { promotion_code }) }));

function namesOf({ items, add_invoice_items, discounts, default_tax_rates }: Phase): Naming {
  const named = ({ price, tax_rates, discounts: own }: Phase['items'][number] | Phase['add_invoice_items'][number]) => ({ price, tax_rates, discounts: namesOfDiscounts(own) });
  return { items: items.map(named), add_invoice_items: add_invoice_items.map(named), discounts: namesOfDiscounts(discounts), default_tax_rates };
}

function termsOf(phase: Phase, catalogue: Catalogue): PhaseTerms {
  const rates = (ids: readonly string[]) => ids.map((id) => catalogue.rates.get(id)!);
  const price = (id: string, param: string): PriceAsked => {
    const terms = catalogue.prices.get(id)!;
    return { param, terms, product_name: catalogue.products.get(terms.product)!.name, product_active: true, promised: true };
  };
  const edge = ({ type, timestamp }: { type: string; timestamp?: number }) => (type === 'timestamp' ? timestamp! : type === 'phase_start' ? phase.start_date : type === 'phase_end' ? phase.end_date : null);
  return {
    phase,
    items: phase.items.map((item, n) => ({
      param: `items[${n}]`, price: price(item.price, `items[${n}][price]`), quantity: item.quantity === null ? undefined : BigInt(item.quantity), tax_rates: rates(item.tax_rates), metadata: item.metadata, discounts: promised(item.discounts, catalogue), billing_thresholds: item.billing_thresholds ?? null,
    })),
    add_invoice_items: phase.add_invoice_items.map((item, n) => ({
      param: `add_invoice_items[${n}]`, price: price(item.price, `add_invoice_items[${n}][price]`), quantity: BigInt(item.quantity), tax_rates: rates(item.tax_rates), metadata: item.metadata,
      discounts: promised(item.discounts, catalogue), discountable: item.discountable, period_start: edge(item.period.start), period_end: edge(item.period.end),
    })),
    discounts: promised(phase.discounts, catalogue),
    default_rates: phase.default_tax_rates === null ? null : rates(phase.default_tax_rates),
  };
}

/** Discounts as they were promised; one that went on is left out once it has ended. */
function promised(discounts: readonly PhaseDiscount[], catalogue: Catalogue): DiscountGiven[] {
  return discounts.flatMap(({ coupon, discount, promotion_code }): DiscountGiven[] => {
    const param = 'discounts';
    if (discount !== null) {
      const found = catalogue.discounts.get(discount);
      return found && !found.ended ? [{ param, discount: found }] : [];
    }
    const code = promotion_code === null ? null : catalogue.codes.get(promotion_code)!;
    return [{ param, coupon: catalogue.coupons.get(code?.coupon ?? coupon!)!, promotion_code: code, promised: true }];
  });
}

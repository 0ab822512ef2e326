/** Random lives: one for each seed, always the same; small, with every rule of the book somewhere among some hundreds of them. */
import { boundary, DAY, spanAround } from './calendar.ts';
import { Dice, Shop } from './dice.ts';
import type { History, Recurrence } from './history.ts';
import { commit, topUp } from './agreements.ts';
import { priceByModel } from './dimensions.ts';
import { grantCredit } from './grants.ts';
import { Steps } from './steps.ts';

const R = (interval: Recurrence['interval'], interval_count = 1): Recurrence => ({ interval, interval_count });
const FAMILIES = [
  [R('month')], [R('month')], [R('month', 3)], [R('year')], [R('week')], [R('week', 2)], [R('day')], [R('day', 10)], [R('month', 2)], [R('month', 6)],
  [R('month'), R('year')], [R('month'), R('month', 3)], [R('month', 3), R('year')], [R('week'), R('month')], [R('day', 3), R('week')], [R('week'), R('week', 2)],
];
const START_DAYS = ['2023-12-31', '2024-01-31', '2024-02-29', '2024-01-30', '2025-02-28', '2023-08-31', '2024-04-30', '2024-11-29', '2025-01-01', '2024-06-15', '2023-03-26'];

/** When it begins: now, or in the past, with a trial, or on a cycle of its own. */
function begin(history: History, dice: Dice, family: readonly Recurrence[]): void {
  const { start } = history;
  const after = (k: number, from = start) => Math.min(...family.map((recurrence) => boundary(from, recurrence, k)));
  const monthly = family.every(({ interval }) => interval === 'month' || interval === 'year');
  const shape = dice.pick(['plain', 'plain', 'plain', 'plain', 'trial', 'anchor', 'backdate', 'backdated anchor', monthly ? 'anchor day' : 'anchor']);
  if (shape === 'trial') {
    history.trial_end = start + (dice.chance(0.5) ? dice.int(1, 30) * DAY : dice.int(1, 45 * DAY));
    history.until = Math.max(history.until, after(dice.int(0, 3), history.trial_end) + DAY);
    if (dice.chance(0.25)) history.missing_payment_method = dice.chance(0.8) ? 'pause' : 'cancel';
  }
  if (shape.startsWith('back')) history.backdate = dice.chance(0.5) ? after(-dice.int(1, 4)) : start - dice.int(1, start - after(-3));
  if (shape.endsWith('anchor')) {
    history.anchor = start + dice.int(1, after(1) - start);
    while (family.some((recurrence) => boundary(history.anchor!, recurrence, -1) > start)) history.anchor = start + Math.ceil((history.anchor - start) / 2);
  }
  if (shape === 'anchor day') {
    // The next moment with that day of the month and the start's time of day, the start itself included.
    const first = spanAround({ anchor: start % DAY }, R('month'), start).start;
    history.anchor_day_of_month = dice.pick([1, 15, 29, 30, 31, 31]);
    history.anchor = [0, 1].map((k) => boundary(first, R('month'), k, history.anchor_day_of_month)).find((moment) => moment >= start)!;
  }
}

export function randomHistory(seed: number): History {
  const dice = new Dice(seed);
  const currency = dice.pick(['usd', 'usd', 'eur', 'jpy']);
  const family = dice.pick(FAMILIES);
  const shop = new Shop(dice, currency, family);
  const start = Date.parse(dice.pick(START_DAYS)) / 1000 + (dice.chance(0.4) ? 0 : dice.int(0, DAY - 1));
  const history: History = {
    seed, currency, tax_exempt: dice.pick(['none', 'none', 'none', 'none', 'exempt', 'reverse']), start, proration_behavior: dice.chance(0.75) ? 'create_prorations' : 'none',
    items: [shop.item(false), ...dice.some(3, () => shop.item())], discounts: shop.discounts(), default_tax_rates: dice.chance(0.5) ? dice.some(2, () => shop.rate()) : [], usage: [], pending: [], actions: [],
    until: Math.min(...family.map((recurrence) => boundary(start, recurrence, dice.int(1, 10)))) + dice.int(0, 2 * DAY),
  };
  if (dice.chance(0.5)) history.items.reverse();
  if (dice.chance(0.15)) history.by_day = true;
  if (dice.chance(0.05)) history.threshold = { amount_gte: BigInt(dice.int(1, 20_000)), reset: dice.chance(0.3) };
  if (dice.chance(0.05)) history.sweep = dice.pick([R('week'), R('day', 10), R('month')]);
  begin(history, dice, family);
  if (history.missing_payment_method === undefined && dice.chance(0.12)) history.card = true;
  if (history.missing_payment_method === undefined && dice.chance(0.05)) history.once = [shop.once(), ...dice.some(1, () => shop.once())];
  const steps = new Steps(history, dice, shop);
  steps.walk();

  const { until } = history;
  const meters = new Set(steps.metered.map((price) => price.meter!));
  history.usage = [...meters].flatMap((meter) => dice.some(10, () => ({
    meter, at: dice.chance(0.15) ? steps.onBoundary() : dice.int(start, until), value: dice.chance(0.6) ? String(dice.int(1, 30)) : dice.pick(['0.5', '2.75', '0.001', '12.000000000001']),
  })));
  // Some of it turns out to be none.
  if (dice.chance(0.2)) history.usage = history.usage.flatMap((use) => (dice.chance(0.5) && !use.value.includes('.') ? [use, { ...use, at: dice.int(use.at, until), value: `-${use.value}` }] : [use]));
  if (dice.chance(0.4)) {
    history.pending = dice.some(3, () => ({
      key: dice.id('ii'), at: dice.int(start + 1, until), of: dice.pick(['subscription', 'customer']), amount: BigInt(dice.int(-2000, 5000)), discountable: dice.chance(0.6), product: dice.chance(0.5) ? shop.product() : null,
      tax_rates: dice.chance(0.3) ? [shop.rate()] : [], discounts: dice.chance(0.2) ? [shop.coupon()] : [],
    }));
  }
  if (dice.chance(steps.metered.length > 0 ? 0.5 : 0.02)) grantCredit(history, dice, steps);
  if (steps.metered.length > 0 && dice.chance(0.3)) commit(history, dice, steps);
  if (steps.metered.length > 0 && dice.chance(history.card ? 0.4 : 0.1)) topUp(history, dice);
  if (steps.metered.length > 0 && dice.chance(0.3)) priceByModel(history, dice, shop, steps.metered);
  return history;
}

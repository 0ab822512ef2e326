/**
 * Usage that comes while a draft waits, or after its invoice, costs what it would have cost in time. Lives of usage alone, by the official client, against the reference model, which knows all usage in time. In every other
 * life it is met by as much credit, too; the rest have what makes that depend on the order in which usage is billed: volume prices, and credit for some prices alone. They have taxes and discounts as well.
 * KONTOR_TEST_LATE sets how many, KONTOR_TEST_SEED where they begin.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atOnce } from '../conformance/raw.ts';
import { HOUR } from '../days.ts';
import { startKontor } from '../kontor.ts';
import { taxesOf } from './reference/amounts.ts';
import { boundary, DAY } from './reference/calendar.ts';
import { priceByModel } from './reference/dimensions.ts';
import { Dice, Shop } from './reference/dice.ts';
import type { Action, History, Item, Line, Outcome, Recurrence } from './reference/history.ts';
import { recompute } from './reference/recompute.ts';
import { Served } from './served.ts';
import { historyText } from './tell.ts';

const COUNT = Number(process.env['KONTOR_TEST_LATE'] ?? 3);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

const MONTHLY: Recurrence = { interval: 'month', interval_count: 1 };

/** Whether credit meets as much in whatever order usage comes. */
const isPlain = (seed: number): boolean => seed % 2 === 0;

/** At a plain price more usage never costs less: what was paid for one line would else be met by credit that another one gives back. A discount that is used up would be by another invoice. */
function item(shop: Shop, plain: boolean): Item {
  for (;;) {
    const { discounts, ...made } = shop.item(true);
    const forever = discounts.map(({ duration_in_months: _months, ...coupon }) => ({ ...coupon, duration: 'forever' as const }));
    if (!plain) return { ...made, discounts: forever, usage_gte: undefined };
    if (made.price.tiers_mode !== 'volume') return { ...made, tax_rates: [], discounts: [], usage_gte: undefined };
  }
}

/** Three months of usage, a half of it late, and credit for a part of it; then months enough to bill all that is put right. */
function lifeOf(seed: number): History {
  const dice = new Dice(seed);
  const shop = new Shop(dice, 'usd', [MONTHLY]);
  const start = Date.parse('2025-01-31') / 1_000 + dice.int(0, DAY - 1);
  const edge = (k: number) => boundary(start, MONTHLY, k);
  const plain = isPlain(seed);
  const items = [item(shop, plain), ...dice.some(2, () => item(shop, plain))];
  const usage = Array.from({ length: dice.int(4, 12) }, (): History['usage'][number] => {
    const { meter } = dice.pick(items).price;
    const value = String(dice.int(1, 30));
    // In the draft's hour, or days late.
    const k = dice.int(1, 3);
    if (dice.chance(0.25)) return { meter: meter!, at: edge(k) - dice.int(1, DAY), value, reported: edge(k) + dice.int(0, HOUR) };
    const at = dice.int(start, edge(3) - 1);
    return { meter: meter!, at, value, ...(dice.chance(0.5) && { reported: at + dice.int(1, 34 * DAY) }) };
  });
  const grants = Array.from({ length: dice.int(1, 3) }, (): Action => ({
    at: start, kind: 'grant',
    grant: { id: dice.id('credgr'), currency: 'usd', amount: BigInt(dice.int(1, 60_000)), priority: dice.pick([0, 50]), category: dice.pick(['paid', 'promotional']), effective_at: start, expires_at: null, prices: plain || dice.chance(0.3) ? null : [dice.pick(items).price] },
  }));
  const history: History = { seed, currency: 'usd', tax_exempt: 'none', start, proration_behavior: 'create_prorations', items, discounts: [], default_tax_rates: plain ? [] : dice.some(2, () => shop.rate()), usage, pending: [], actions: grants, until: edge(5) + 2 * HOUR };
  if (dice.chance(0.4)) priceByModel(history, dice, shop, items.map(({ price }) => price));
  if (plain) for (const { price } of items) price.dimension_prices = price.dimension_prices?.filter(({ tiers_mode }) => tiers_mode !== 'volume');
  return history;
}

const total = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, amount) => sum + amount, 0n);

/** What each item comes to, how much of all that credit meets, what is left to be paid, and of the grants. */
function sums({ invoices, grants, pending }: Outcome) {
  const lines = invoices.flatMap((invoice) => invoice.lines);
  const byItem = [...Map.groupBy(lines, (line) => line.key)].map(([key, own]) => `${key} ${total(own.map((line) => line.amount))}`).sort();
  const credits = total(lines.flatMap((line) => line.credits.map(({ amount }) => amount)));
  return { byItem, credits, total: total(invoices.map((invoice) => invoice.total)), left: total(grants.flatMap(({ movements }) => movements.map(({ amount }) => amount))), pending: pending.length };
}

/** What each item comes to in each period, corrections included: its amount, what discounts take, the credit that meets it, and its taxes. */
function periodsOf({ invoices }: Outcome) {
  const byPeriod = Map.groupBy(invoices.flatMap((invoice) => invoice.lines), (line) => `${line.key} ${line.period.start}`);
  return new Map([...byPeriod].map(([key, lines]) => {
    const sumOf = (amounts: (line: Line) => { amount: bigint }[]) => total(lines.flatMap(amounts).map(({ amount }) => amount));
    const taxes = [...Map.groupBy(lines.flatMap((line) => line.taxes), ({ id }) => id)].map(([id, all]) => ({ id, amount: total(all.map(({ amount }) => amount)) }));
    return [key, { item: lines[0]!.key, amount: sumOf((line) => [line]), discount: sumOf((line) => line.discounts), credit: sumOf((line) => line.credits), taxes: said(taxes) }] as const;
  }));
}

const said = (taxes: readonly { id: string; amount: bigint }[]): string[] => taxes.flatMap(({ id, amount }) => (amount === 0n ? [] : [`${id} ${amount}`])).sort();

/** Every line comes to what it would have come to in time, and is taxed on what its discounts and the credit that it met leave of it. */
function assertTrue({ items, default_tax_rates, tax_exempt }: History, found: Outcome, expected: Outcome, told: string): void {
  const [truth, billed] = [periodsOf(expected), periodsOf(found)];
  assert.deepEqual([...billed.keys()].sort(), [...truth.keys()].sort(), told);
  for (const [key, { item: of, amount, discount, credit, taxes }] of billed) {
    const { tax_rates } = items.find((each) => each.key === of)!;
    const due = taxesOf(amount - discount - credit, tax_rates.length > 0 ? tax_rates : default_tax_rates, tax_exempt);
    assert.deepEqual([amount, discount, taxes], [truth.get(key)!.amount, truth.get(key)!.discount, said(due)], `${key}. ${told}`);
    assert.ok(credit >= 0n && credit <= amount - discount, `${key} is met by ${credit} of credit. ${told}`);
  }
}

const kontor = await startKontor();
after(() => kontor.close());

test(`in ${COUNT} lives, usage that comes late costs what it would have cost in time`, async () => {
  const seeds = Array.from({ length: COUNT }, (_, n) => SEED + n);
  let corrected = 0;
  await atOnce(seeds, 3, async (seed) => {
    const history = lifeOf(seed);
    const served = await new Served(kontor, history).live();
    const [expected, found] = [recompute(history), served];
    const told = `Life ${seed}. Once more: KONTOR_TEST_LATE=1 KONTOR_TEST_SEED=${seed} npm test -- tests/simulation/late\n${historyText(history).join('\n')}`;
    if (isPlain(seed)) assert.deepEqual(sums(found), sums(expected), told);
    assertTrue(history, found, expected, told);
    if (found.invoices.some((invoice, n) => invoice.lines.length > expected.invoices[n]!.lines.length)) corrected += 1;
  });
  assert.ok(COUNT < 3 || corrected > COUNT / 3, `only ${corrected} lives had something put right`);
});

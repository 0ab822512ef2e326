/**
 * Usage that comes while a draft waits, or after its invoice, costs what it would have cost in time, and is met by as much credit. Lives of usage alone, by the official client, against the reference model, which knows all
 * usage in time. KONTOR_TEST_LATE sets how many, KONTOR_TEST_SEED where they begin.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atOnce } from '../conformance/raw.ts';
import { startKontor } from '../kontor.ts';
import { boundary, DAY } from './reference/calendar.ts';
import { Dice, Shop } from './reference/dice.ts';
import type { Action, History, Item, Outcome, Recurrence } from './reference/history.ts';
import { recompute } from './reference/recompute.ts';
import { Served } from './served.ts';
import { historyText } from './tell.ts';

const COUNT = Number(process.env['KONTOR_TEST_LATE'] ?? 3);
const SEED = Number(process.env['KONTOR_TEST_SEED'] ?? 0);

const MONTHLY: Recurrence = { interval: 'month', interval_count: 1 };
const HOUR = 3_600;

/** Of a price at which more usage never costs less: what was paid for one line would else be met by credit that another one gives back. */
function item(shop: Shop): Item {
  for (;;) {
    const made = shop.item(true);
    if (made.price.tiers_mode !== 'volume') return { ...made, tax_rates: [], discounts: [], usage_gte: undefined };
  }
}

/** Three months of usage, a half of it late, and credit for a part of it; then months enough to bill all that is put right. */
function lifeOf(seed: number): History {
  const dice = new Dice(seed);
  const shop = new Shop(dice, 'usd', [MONTHLY]);
  const start = Date.parse('2025-01-31') / 1_000 + dice.int(0, DAY - 1);
  const edge = (k: number) => boundary(start, MONTHLY, k);
  const items = [item(shop), ...dice.some(2, () => item(shop))];
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
    grant: { id: dice.id('credgr'), currency: 'usd', amount: BigInt(dice.int(1, 60_000)), priority: dice.pick([0, 50]), category: dice.pick(['paid', 'promotional']), effective_at: start, expires_at: null, prices: null },
  }));
  return { seed, currency: 'usd', tax_exempt: 'none', start, proration_behavior: 'create_prorations', items, discounts: [], default_tax_rates: [], usage, pending: [], actions: grants, until: edge(5) + 2 * HOUR };
}

const total = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, amount) => sum + amount, 0n);

/** What each item comes to, how much of all that credit meets, what is left to be paid, and of the grants. */
function sums({ invoices, grants, pending }: Outcome) {
  const lines = invoices.flatMap((invoice) => invoice.lines);
  const byItem = [...Map.groupBy(lines, (line) => line.key)].map(([key, own]) => `${key} ${total(own.map((line) => line.amount))}`).sort();
  const credits = total(lines.flatMap((line) => line.credits.map(({ amount }) => amount)));
  return { byItem, credits, total: total(invoices.map((invoice) => invoice.total)), left: total(grants.flatMap(({ movements }) => movements.map(({ amount }) => amount))), pending: pending.length };
}

const kontor = await startKontor();
after(() => kontor.close());

test(`in ${COUNT} lives, usage that comes late costs what it would have cost in time, and is met by as much credit`, async () => {
  const seeds = Array.from({ length: COUNT }, (_, n) => SEED + n);
  let corrected = 0;
  await atOnce(seeds, 3, async (seed) => {
    const history = lifeOf(seed);
    const served = await new Served(kontor, history).live();
    const [expected, found] = [recompute(history), served];
    assert.deepEqual(sums(found), sums(expected), `Life ${seed}. Once more: KONTOR_TEST_LATE=1 KONTOR_TEST_SEED=${seed} npm test -- tests/simulation/late\n${historyText(history).join('\n')}`);
    if (found.invoices.some((invoice, n) => invoice.lines.length > expected.invoices[n]!.lines.length)) corrected += 1;
  });
  assert.ok(COUNT < 3 || corrected > COUNT / 3, `only ${corrected} lives had something put right`);
});

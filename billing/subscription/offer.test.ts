import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PriceRow } from '../catalog.ts';
import type { TrialOfferRow } from '../trial_offer.ts';
import { beginTrial, endsTrial, movesAnchor } from './offer.ts';
import type { SubscriptionItemWhole, SubscriptionRow } from './subscription.ts';

const day = (text: string): number => Date.parse(`${text}T00:00:00Z`) / 1_000;
const price = (id: string, interval: 'week' | 'month') => ({ id, recurring: { interval, interval_count: 1 } }) as PriceRow;
const offer = (iterations: number): TrialOfferRow => ({ id: 'trof_1', created: 0, active: true, price: 'trial', iterations, transition_price: 'later', nickname: null });
const grid = (anchor: string, behavior: 'now' | 'unchanged' = 'now') =>
  ({ billing_cycle_anchor: day(anchor), billing_cycle_anchor_config: null, trial_end: null, trial_settings: { end_behavior: { missing_payment_method: 'create_invoice', billing_cycle_anchor: behavior } } }) as SubscriptionRow;
const at = (text: string) => ({ now: day(text), newId: () => '', newSecret: () => '' });
const asked = (iterations: number, later: 'week' | 'month' = 'month') => ({ param: 'items[0][current_trial][trial_offer]', offer: offer(iterations), transition: { param: '', terms: price('later', later), product_name: 'Later', product_active: true } });

describe('a trial offer', () => {
  const rows: [interval: 'week' | 'month', anchor: string, from: string, iterations: number, end: string][] = [
    ['week', '2026-01-01', '2026-01-01', 1, '2026-01-08'],
    ['week', '2026-01-01', '2026-01-01', 4, '2026-01-29'],
    ['month', '2026-01-31', '2026-01-31', 1, '2026-02-28'],
    ['month', '2026-01-31', '2026-01-31', 2, '2026-03-31'],
    ['month', '2026-02-01', '2026-01-10', 1, '2026-02-01'], // the part until the anchor is the one period
    ['month', '2026-02-01', '2026-01-10', 3, '2026-04-01'],
    ['month', '2026-01-01', '2026-01-16', 1, '2026-02-01'], // begun in mid-period
  ];
  for (const [interval, anchor, from, iterations, end] of rows) {
    it(`of ${iterations} ${interval}s from ${from} on ends on ${end}, the anchor being ${anchor}`, () => {
      const { current_trial } = beginTrial(asked(iterations), { terms: price('trial', interval) }, grid(anchor), at(from));
      assert.deepEqual([current_trial!.start_date, current_trial!.end_date], [day(from), day(end)]);
    });
  }

  const ending = (period_end: string, end_date: string, later: 'week' | 'month'): SubscriptionItemWhole =>
    ({ current_period_end: day(period_end), current_trial: { end_date: day(end_date) }, transition: { terms: price('later', later), product_name: 'Later' } }) as SubscriptionItemWhole;
  it('ends with the first period that ends at its end or later', () => {
    assert.equal(endsTrial(ending('2026-01-15', '2026-01-15', 'month'), day('2026-01-15')), true);
    assert.equal(endsTrial(ending('2026-01-22', '2026-01-15', 'month'), day('2026-01-22')), true);
    assert.equal(endsTrial(ending('2026-01-08', '2026-01-15', 'month'), day('2026-01-08')), false);
  });

  const moves: [end: string, later: 'week' | 'month', behavior: 'now' | 'unchanged', moved: boolean][] = [
    ['2026-01-15', 'month', 'now', true],
    ['2026-01-15', 'month', 'unchanged', false],
    ['2026-01-15', 'week', 'now', false], // a boundary of the later price
    ['2026-02-01', 'month', 'now', false],
  ];
  for (const [end, later, behavior, moved] of moves) {
    it(`that ends on ${end} and goes on by the ${later} ${moved ? 'moves' : 'leaves'} the anchor of 1 January with \`${behavior}\``, () => assert.equal(movesAnchor(ending(end, end, later), grid('2026-01-01', behavior), day(end)), moved));
  }

  it('is refused where it is archived, of another price, or in a free trial', () => {
    const item = { terms: price('trial', 'week') };
    const archived = { ...asked(1), offer: { ...offer(1), active: false } };
    assert.throws(() => beginTrial(archived, item, grid('2026-01-01'), at('2026-01-01')), { param: archived.param });
    assert.throws(() => beginTrial(asked(1), { terms: price('other', 'week') }, grid('2026-01-01'), at('2026-01-01')), { param: archived.param });
    assert.throws(() => beginTrial(asked(1), item, { ...grid('2026-01-01'), trial_end: day('2026-02-01') }, at('2026-01-01')), { param: archived.param });
  });
});

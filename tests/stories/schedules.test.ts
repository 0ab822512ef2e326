/** A life by schedule: what was agreed at the start comes about by itself. What an invoice comes to is worked out beside it; the whole paper is in goldens/. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startKontor } from '../kontor.ts';
import { begin } from './story.ts';

const kontor = await startKontor();
after(() => kontor.close());

test('a deal that ramps up: two weeks free, three months for less, more seats in the middle of one, then the full price', async (t) => {
  const { stripe } = kontor;
  const { id: price } = await stripe.prices.create({ currency: 'usd', unit_amount: 3_100, recurring: { interval: 'month' }, product_data: { name: 'Seat' } });
  const coupon = await stripe.coupons.create({ name: 'A fifth off at first', percent_off: 20, duration: 'forever' });
  const kim = await begin(kontor, '2026-01-01T09:00', { name: 'Kim', invoice_prefix: 'KIM' });
  const at = (text: string) => Date.parse(`${text}T09:00:00Z`) / 1_000;
  const seats = (quantity: number) => [{ price, quantity }];
  const schedule = await kim.tells('Kim and we agree on all that is to come.', () =>
    stripe.subscriptionSchedules.create({
      customer: kim.customer,
      phases: [
        { items: seats(2), end_date: at('2026-01-15'), trial: true },
        { items: seats(2), end_date: at('2026-03-15'), discounts: [{ coupon: coupon.id }] },
        { items: seats(4), end_date: at('2026-04-15'), discounts: [{ coupon: coupon.id }] },
        { items: seats(4), end_date: at('2026-04-25') },
        { items: seats(5), end_date: at('2026-06-15') },
      ],
    }));
  await kim.until('2026-04-20T00:00');
  await kim.tells('Kim wants to be free of it after that.', () => stripe.subscriptionSchedules.update(schedule.id, { metadata: { asked: 'to leave in June' }, end_behavior: 'cancel' }));
  await kim.until('2026-07-01T00:00');
  // The trial; 2 × $31 less 20 %, twice; 4 × $31 less 20 %; 4 × $31; then 5 × $31, − 20 of 30 days of $124 + 20 of 30 days of $155.
  assert.deepEqual(await kim.totals(), [0, 4_960, 4_960, 9_920, 12_400, 15_500 - 8_267 + 10_333]);
  await kim.isTold(t, 'ramped_deal');
});

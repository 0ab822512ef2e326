/** Changes in the middle of a period, each with what it costs worked out beside it; the whole paper is in goldens/. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { verify } from '../../server/verify.ts';
import { startKontor } from '../kontor.ts';
import { own } from '../own.ts';
import { begin } from './story.ts';

const kontor = await startKontor();

after(async () => {
  const findings = await verify(kontor.database, () => undefined);
  await kontor.close();
  assert.deepEqual(findings, []);
});

/** A price by the seat, in cents. */
async function seats(stripe: Stripe, name: string, unit_amount: number, interval: 'month' | 'year' = 'month'): Promise<string> {
  const price = await stripe.prices.create({ currency: 'usd', unit_amount, recurring: { interval }, product_data: { name } });
  return price.id;
}

test('an upgrade waits for its payment: a first one in vain, a second one until there is a better card', async (t) => {
  const { stripe } = kontor;
  const [small, big] = [await seats(stripe, 'Small', 3_000), await seats(stripe, 'Big', 9_000)];
  const lou = await begin(kontor, '2026-06-01T10:00', { name: 'Lou', invoice_prefix: 'LOU' });
  const subscription = await lou.tells('Lou subscribes.', () => stripe.subscriptions.create({ customer: lou.customer, items: [{ price: small }] }));
  const upgrade = () => stripe.subscriptions.update(subscription.id, { items: [{ id: subscription.items.data[0]!.id, price: big }], proration_behavior: 'always_invoice', payment_behavior: 'pending_if_incomplete' });
  const pays = async (card: string) => stripe.customers.update(lou.customer, { invoice_settings: { default_payment_method: (await stripe.paymentMethods.attach(card, { customer: lou.customer })).id } });
  await lou.until('2026-06-11T10:00');
  await lou.tells('The card is changed to one that will be declined.', () => pays('pm_card_chargeCustomerFail'));
  await lou.tells('Lou wants the big plan, and the card is declined.', upgrade);
  await lou.until('2026-06-12T12:00');
  await lou.until('2026-06-16T10:00');
  const { latest_invoice } = await lou.tells('Lou tries again.', upgrade);
  await lou.until('2026-06-16T18:00');
  await lou.tells('The invoice is paid by another card.', async () => {
    const { id } = await stripe.paymentMethods.attach('pm_card_mastercard', { customer: lou.customer });
    await stripe.invoices.pay(latest_invoice as string, { payment_method: id });
    return pays('pm_card_visa');
  });
  await lou.until('2026-07-01T12:00');
  // The small plan; the first upgrade on 11 June, 20 of 30 days of $90 less $30, which is void; the second one, 15 days; the big plan.
  assert.deepEqual(await lou.totals(), [3_000, -2_000 + 6_000, -1_500 + 4_500, 9_000]);
  await lou.isTold(t, 'pending_upgrade');
});

test('an account that counts by the day charges for the day of a change once, whatever the hour', async (t) => {
  const { stripe } = kontor;
  const plan = await seats(stripe, 'Plan', 3_000);
  const bigger = await seats(stripe, 'Bigger plan', 6_000);
  await own(stripe, 'POST', 'settings', { proration: { unit: 'day' } });
  const ida = await begin(kontor, '2026-04-01T15:00', { name: 'Ida', invoice_prefix: 'IDA' });
  const subscription = await ida.tells('Ida subscribes in the afternoon.', () => stripe.subscriptions.create({ customer: ida.customer, items: [{ price: plan }] }));
  const item = subscription.items.data[0]!.id;
  await ida.until('2026-04-11T09:00');
  await ida.tells('Ida takes the bigger plan before breakfast.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: item, price: bigger }] }));
  await ida.until('2026-04-11T22:00');
  await ida.tells('She takes two of it in the evening.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: item, quantity: 2 }] }));
  await ida.until('2026-04-21T23:59');
  await ida.tells('She is content with one, a minute before midnight.', () => stripe.subscriptions.update(subscription.id, { items: [{ id: item, quantity: 1 }] }));
  await ida.until('2026-05-01T17:00');
  // April has 30 days. The plan, $30. Then from the 11th on, 20 days: the plan back, one bigger plan, that back, two of them; from the 21st on, 10 days: half of that back, and one of them; and May.
  assert.deepEqual(await ida.totals(), [3_000, -2_000 + 4_000 - 4_000 + 8_000 - 4_000 + 2_000 + 6_000]);
  await ida.isTold(t, 'by_the_day');
  await own(stripe, 'POST', 'settings', { proration: { unit: 'second' } });
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FEBRUARY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { explained, own } from '../../../tests/own.ts';
import { customerAt, meteredPrice, meterOf, paysBy, report } from '../../../tests/shop.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;
const meter = (await meterOf(stripe, 'tokens')).id;
const price = (await meteredPrice(stripe, meter, 10, { product_data: { name: 'Tokens' } })).id;

async function onClock(pm = 'pm_card_visa'): Promise<{ clock: string; customer: string }> {
  const { clock, customer } = await customerAt(stripe, START, paysBy(pm));
  await stripe.subscriptions.create({ customer, items: [{ price }] });
  return { clock, customer };
}
const post = (path: string, params: object) => own<{ id: string; active: boolean; threshold: number }>(stripe, 'POST', path, params);
const use = (customer: string, value: number) => report(stripe, 'tokens', customer, value);
const bought = async (customer: string) => (await stripe.invoices.list({ customer, limit: 100 })).data.filter((invoice) => invoice.billing_reason === 'manual').reverse();
const left = async (customer: string) => (await stripe.billing.creditBalanceSummaries.retrieve({ customer, filter: { type: 'applicability_scope', applicability_scope: { price_type: 'metered' } } })).balances[0]?.available_balance.monetary!.value ?? 0;

test('credit is bought when it runs low, once for each time, granted when it is paid, and used for usage', async () => {
  const { clock, customer } = await onClock();
  const made = await post('credit_top_ups', { customer, currency: 'usd', amount: 1_000, threshold: 300, name: 'Prepaid tokens', expires_in_days: 365 });
  await kontor.advance(clock, START + 60);
  assert.deepEqual([(await bought(customer)).map((invoice) => [invoice.total, invoice.status]), await left(customer)], [[[1_000, 'paid']], 1_000]);
  const [grant] = (await stripe.billing.creditGrants.list({ customer })).data;
  assert.deepEqual([grant!.category, grant!.name, grant!.expires_at! - grant!.created, grant!.metadata['credit_top_up']], ['paid', 'Prepaid tokens', 365 * 86_400, made.id]);
  // 7.00 of 10.00 are left to spend: not less than 3.00. Then less.
  await use(customer, 70);
  await kontor.advance(clock, START + 120);
  assert.equal((await bought(customer)).length, 1);
  await Promise.all([use(customer, 1), use(customer, 1), use(customer, 1)]);
  await kontor.advance(clock, START + 180);
  assert.deepEqual([(await bought(customer)).length, await left(customer)], [2, 2_000]);
  await use(customer, 90);
  await kontor.advance(clock, FEBRUARY + 2 * HOUR);
  // 163 tokens cost 16.30, all of it from credit; 3.70 are left.
  const [cycle] = (await stripe.invoices.list({ customer, limit: 100 })).data.filter((invoice) => invoice.billing_reason === 'subscription_cycle');
  assert.deepEqual([cycle!.subtotal, cycle!.total, await left(customer)], [1_630, 0, 370]);
  for (const { id } of await bought(customer)) await explained(stripe, id);
});

test('as much is bought at once as it takes to have the threshold', async () => {
  const { clock, customer } = await onClock();
  await post('credit_top_ups', { customer, currency: 'usd', amount: 1_000, threshold: 300 });
  await kontor.advance(clock, START + 60);
  // 24.00 more were used than bought: 27.00 are missing.
  await use(customer, 340);
  await kontor.advance(clock, START + 120);
  const [first, second, ...more] = await bought(customer);
  assert.deepEqual([first!.total, second!.total, more, await left(customer)], [1_000, 3_000, [], 4_000]);
  assert.deepEqual(second!.lines.data.map((line) => [line.description, line.quantity, line.amount]), [['3 × Prepaid credit ($10.00)', 3, 3_000]]);
  await explained(stripe, second!.id);
});

test('usage that waits on a draft is not spent twice', async () => {
  const { clock, customer } = await onClock();
  await stripe.billing.creditGrants.create({ customer, amount: { type: 'monetary', monetary: { currency: 'usd', value: 1_000 } }, applicability_config: { scope: { price_type: 'metered' } }, category: 'promotional' });
  await post('credit_top_ups', { customer, currency: 'usd', amount: 1_000, threshold: 300 });
  await use(customer, 60);
  await kontor.advance(clock, FEBRUARY + 60);
  assert.equal((await bought(customer)).length, 0);
  // 6.00 of 10.00 are on the draft of January: 2.00 more leave less than 3.00.
  await use(customer, 20);
  await kontor.advance(clock, FEBRUARY + 120);
  assert.equal((await bought(customer)).length, 1);
});

test('credit is bought when what there is of it expires, or is taken away', async () => {
  const { clock, customer } = await onClock();
  await stripe.billing.creditGrants.create({ customer, amount: { type: 'monetary', monetary: { currency: 'usd', value: 500 } }, applicability_config: { scope: { price_type: 'metered' } }, category: 'promotional', expires_at: START + HOUR });
  const later = await stripe.billing.creditGrants.create({ customer, amount: { type: 'monetary', monetary: { currency: 'usd', value: 400 } }, applicability_config: { scope: { price_type: 'metered' } }, category: 'promotional' });
  await post('credit_top_ups', { customer, currency: 'usd', amount: 1_000, threshold: 600 });
  await kontor.advance(clock, START + HOUR - 1);
  assert.equal((await bought(customer)).length, 0);
  await kontor.advance(clock, START + HOUR);
  assert.deepEqual([(await bought(customer)).length, await left(customer)], [1, 1_400]);
  const [own] = (await stripe.billing.creditGrants.list({ customer })).data;
  for (const { id } of [own!, later]) await stripe.billing.creditGrants.voidGrant(id);
  await kontor.advance(clock, START + HOUR + 60);
  assert.deepEqual([(await bought(customer)).length, await left(customer)], [2, 1_000]);
});

test('while an invoice is not paid nothing more is bought, nor granted', async () => {
  const { clock, customer } = await onClock('pm_card_chargeCustomerFail');
  await post('credit_top_ups', { customer, currency: 'usd', amount: 1_000, threshold: 300 });
  for (let n = 1; n < 4; n += 1) {
    await use(customer, 5);
    await kontor.advance(clock, START + n * 60);
  }
  // Nor by another top-up that takes its place.
  const [old] = (await own<{ data: { id: string }[] }>(stripe, 'GET', `credit_top_ups?customer=${customer}`)).data;
  await post(`credit_top_ups/${old!.id}`, { active: false });
  await post('credit_top_ups', { customer, currency: 'usd', amount: 1_000, threshold: 300 });
  await kontor.advance(clock, START + 300);
  const [invoice, ...more] = await bought(customer);
  assert.deepEqual([more, invoice!.status, await left(customer)], [[], 'open', 0]);
  await use(customer, 70);
  await stripe.invoices.pay(invoice!.id, { paid_out_of_band: true });
  assert.equal(await left(customer), 1_000);
  // 8.50 of 10.00 are used by then: the top-up that took the place looks again.
  await kontor.advance(clock, START + 360);
  assert.deepEqual((await bought(customer)).map(({ status }) => status), ['paid', 'open']);
});

test('what a credit note took off is not granted, and the rest is', async () => {
  const { clock, customer } = await onClock('pm_card_chargeCustomerFail');
  await post('credit_top_ups', { customer, currency: 'usd', amount: 1_000, threshold: 300 });
  await kontor.advance(clock, START + 60);
  const [invoice] = await bought(customer);
  await stripe.creditNotes.create({ invoice: invoice!.id, amount: 400 });
  await stripe.invoices.pay(invoice!.id, { paid_out_of_band: true });
  assert.equal(await left(customer), 600);
});

test('what cannot be bought is refused by name; one that is inactive buys nothing', async () => {
  const { clock, customer } = await onClock();
  const made = await post('credit_top_ups', { customer, currency: 'usd', amount: 500, threshold: 100 });
  await kontor.advance(clock, START + 60);
  assert.deepEqual([(await post(`credit_top_ups/${made.id}`, { threshold: 9_000, active: false })).active, (await bought(customer)).length], [false, 1]);
  await use(customer, 500);
  await kontor.advance(clock, START + 120);
  assert.equal((await bought(customer)).length, 1);
  await post('credit_top_ups', { customer, currency: 'usd', amount: 500, threshold: 1 });
  const bad: [string, object, string, number?][] = [
    ['credit_top_ups', { customer, currency: 'usd', amount: 500, threshold: 100 }, 'customer'],
    ['credit_top_ups', { customer: 'cus_none', currency: 'usd', amount: 500, threshold: 100 }, 'customer'],
    ['credit_top_ups', { customer, currency: 'eur', amount: 500, threshold: 100 }, 'currency'],
    ['credit_top_ups', { customer, currency: 'usd', amount: 1, threshold: 100 }, 'amount'],
    ['credit_top_ups', { customer, currency: 'usd', amount: 500 }, 'threshold'],
    [`credit_top_ups/${made.id}`, { active: true }, 'active'],
    ['credit_top_ups/ctop_none', { active: false }, 'id', 404],
  ];
  for (const [path, params, param, statusCode = 400] of bad) await assert.rejects(post(path, params), { param, statusCode });
  // The new one is looked at once before the test ends.
  await kontor.advance(clock, START + 180);
});

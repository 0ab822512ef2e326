import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type Stripe from 'stripe';
import { DAY, HOUR, START, day } from '../../../tests/days.ts';
import { startKontor, type Kontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';
import { customerAt, meteredPrice, seatPrice } from '../../../tests/shop.ts';

let kontor: Kontor;
let stripe: Stripe;
before(async () => {
  kontor = await startKontor();
  ({ stripe } = kontor);
});
after(() => kontor.close());

const FEB = day('2026-02-01');

const post = (path: string, body: object) => own(stripe, 'POST', path, body);
const preview = (body: object) => post('outcome_definitions/preview', body);

const RULES = [{ event_name: 'answered', effect: 'open', quiet_for: '24h' }, { event_name: 'solved', effect: 'succeed' }, { event_name: 'reopened', effect: 'reverse', within: '30d' }];

async function agent() {
  const definition = await post('outcome_definitions', { display_name: 'Agent', subject_key: 'conversation', rules: RULES });
  const { clock, customer } = await customerAt(stripe, START);
  const say = (event_name: string, conversation: string, timestamp: number) => stripe.billing.meterEvents.create({ event_name, timestamp, payload: { stripe_customer_id: customer, conversation } });
  return { definition, meter: definition.outcomes[0].meter as string, clock, customer, say };
}

test('what is tried unchanged comes to what was, at both ends of the time and after contests', async () => {
  const { definition, clock, customer, say } = await agent();
  await kontor.advance(clock, FEB - HOUR);
  for (const conversation of ['stays', 'taken back', 'disputed']) await say('solved', conversation, FEB - 5 * DAY);
  await say('answered', 'over the edge', FEB - HOUR);
  const { data: [disputed] } = await own(stripe, 'GET', `outcomes?customer=${customer}&subject=disputed`);
  await post(`outcomes/${disputed.id}/contest`, { reason: 'It was none.' });
  await post(`outcomes/${disputed.id}/accept_contest`, {});
  await kontor.advance(clock, FEB + 2 * DAY);
  await say('reopened', 'taken back', FEB + DAY);
  await say('answered', 'open', FEB + 2 * DAY);
  const counts = async (from: number, to: number) => {
    const { data, subjects } = await preview({ definition: definition.id, customer, from, to });
    return [data.map((each: Json) => [each.count, each.was_count]), subjects];
  };
  assert.deepEqual(await counts(START, FEB), [[[1, 1]], 4]);
  assert.deepEqual(await counts(FEB, FEB + 2 * DAY), [[[1, 1]], 1]);
  // Its silence is not over for this customer.
  assert.deepEqual(await counts(FEB, FEB + 20 * DAY), [[[1, 1]], 2]);
});

test('what a price includes, also for each seat, costs nothing in what is tried, as on the invoice', async () => {
  const { definition, meter, clock, customer, say } = await agent();
  const price = await meteredPrice(stripe, meter, 99, { product_data: { name: 'Resolution' } });
  await post(`prices/${price.id}`, { allowance: { quantity: '2', per: 'seat' } });
  const other = await meteredPrice(stripe, meter, 150, { product_data: { name: 'Resolution' } });
  await post(`prices/${other.id}`, { allowance: { quantity: '1' } });
  const seat = await seatPrice(stripe, 1_000);
  await stripe.subscriptions.create({ customer, items: [{ price: price.id }, { price: seat.id, quantity: 2 }] });
  await kontor.advance(clock, START + 10 * DAY);
  for (let n = 1; n <= 6; n += 1) await say('solved', `c${n}`, START + DAY);
  const tried = { definition: definition.id, from: START, to: FEB, customer };
  // Six, of which two seats include four; of the other price one is included.
  assert.deepEqual((await preview(tried)).data.map((each: Json) => [each.count, each.amount, each.was_amount]), [[6, 198, 198]]);
  assert.deepEqual((await preview({ ...tried, prices: [{ outcome: 'success', price: other.id }] })).data.map((each: Json) => [each.amount, each.was_amount]), [[750, 198]]);
  await kontor.advance(clock, FEB + 2 * HOUR);
  const { data: [invoice] } = await stripe.invoices.list({ customer, limit: 1 });
  assert.equal(invoice!.lines.data.find((line) => line.description!.includes('Resolution'))!.amount, 198);
});

test('what cannot be tried is refused by name', async () => {
  const { definition, meter } = await agent();
  const [price, seat] = [await meteredPrice(stripe, meter, 99), await seatPrice(stripe, 1_000)];
  const priced = (...prices: string[]) => preview({ definition: definition.id, from: START, to: FEB, prices: prices.map((id) => ({ outcome: 'success', price: id })) });
  await assert.rejects(priced(seat.id), { param: 'prices[0][price]', message: /is not metered/ });
  await assert.rejects(priced(price.id, price.id), { param: 'prices[1][outcome]', message: /`success` is given two prices/ });
  await assert.rejects(priced('price_none'), { code: 'resource_missing', param: 'prices[0][price]' });
  await assert.rejects(preview({ definition: definition.id, from: START, to: FEB, customer: 'cus_none' }), { code: 'resource_missing', param: 'customer' });
});

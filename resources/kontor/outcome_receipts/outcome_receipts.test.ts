import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type Stripe from 'stripe';
import { checkChain } from '../../../billing/outcome/receipt.ts';
import { DAY, HOUR, START } from '../../../tests/days.ts';
import { startKontor } from '../../../tests/kontor.ts';
import { own, type Json } from '../../../tests/own.ts';
import { customerAt, meteredPrice } from '../../../tests/shop.ts';
import { hashOf } from './write.ts';

const kontor = await startKontor();
after(() => kontor.close());
const { stripe } = kontor;

const FEB = Date.UTC(2026, 1, 1) / 1_000;
const MARCH = Date.UTC(2026, 2, 1) / 1_000;

const post = (path: string, body: object = {}) => own(stripe, 'POST', path, body);
const get = (path: string) => own(stripe, 'GET', path);

/** A customer whose solved conversations cost $0.99 each, from 1 January on. */
async function charged(more: Partial<Stripe.SubscriptionCreateParams> = {}, at: Partial<Stripe.PriceCreateParams> = { unit_amount: 99 }) {
  const definition = await post('outcome_definitions', {
    display_name: 'Agent', subject_key: 'conversation', rules: [{ event_name: 'answered', effect: 'open', quiet_for: '24h' }, { event_name: 'solved', effect: 'succeed' }, { event_name: 'reopened', effect: 'reverse', within: '60d' }],
  });
  const { clock, customer } = await customerAt(stripe, START);
  const price = await stripe.prices.create({ currency: 'usd', ...at, recurring: { interval: 'month', usage_type: 'metered', meter: definition.outcomes[0].meter }, product_data: { name: 'Resolution' } });
  const subscription = await stripe.subscriptions.create({ customer, items: [{ price: price.id }], ...more });
  const say = (event_name: string, conversation: string, timestamp: number) => stripe.billing.meterEvents.create({ event_name, timestamp, payload: { stripe_customer_id: customer, conversation } });
  return { definition, clock, customer, subscription: subscription.id, say };
}

test('what was billed and what was taken back is in a chain that anybody can check', async () => {
  const { definition, clock, customer, subscription, say } = await charged();
  for (const conversation of ['c1', 'c2', 'c3', 'c4']) await say('solved', conversation, START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  const [january] = (await stripe.invoices.list({ subscription, limit: 1 })).data;
  const [line] = january!.lines.data;
  assert.deepEqual([line!.amount, january!.status], [396, 'paid']);
  const billed = await get(`invoices/${january!.id}/lines/${line!.id}/outcomes?limit=100`);
  assert.deepEqual(billed.data.map((each: Json) => [each.subject, each.state, each.taken_back]).sort(), [['c1', 'succeeded', false], ['c2', 'succeeded', false], ['c3', 'succeeded', false], ['c4', 'succeeded', false]]);
  for (const conversation of ['c1', 'c3']) await say('reopened', conversation, FEB + HOUR);
  const after = await get(`invoices/${january!.id}/lines/${line!.id}/outcomes?limit=100`);
  assert.deepEqual(after.data.map((each: Json) => [each.subject, each.state, each.taken_back]).sort(), [['c1', 'reversed', true], ['c2', 'succeeded', false], ['c3', 'reversed', true], ['c4', 'succeeded', false]]);
  assert.deepEqual((await get(`outcomes?invoice=${january!.id}&limit=100`)).data.length, 4);
  const { data } = await get(`outcome_receipts?customer=${customer}&limit=100`);
  const chain = data.toReversed() as { id: string; body: string; hash: string; kind: string; subject: string }[];
  assert.deepEqual(chain.map((each) => each.kind), ['billed', 'billed', 'billed', 'billed', 'taken_back', 'taken_back']);
  assert.equal(checkChain(chain, hashOf), null);
  const said = JSON.parse(chain[0]!.body);
  assert.deepEqual([said.sequence, said.previous_hash, said.definition, said.invoice, said.line, said.basis, said.events.length], [1, null, definition.id, january!.id, line!.id, 'confirmed', 1]);
  const tampered = chain.map((each, n) => (n === 2 ? { ...each, body: each.body.replace('"c', '"d') } : each));
  assert.match(checkChain(tampered, hashOf)!.sentence, /hash/);
  assert.match(checkChain(chain.filter((_, n) => n !== 2), hashOf)!.sentence, /number 4, and it is number 3/);
  const corrections = (await get(`invoice_corrections?customer=${customer}`)).data;
  assert.deepEqual(corrections.map((each: Json) => [each.quantity_before, each.quantity_after, each.amount]), [['3', '2', -99], ['4', '3', -99]]);
  assert.equal((await get(`outcome_receipts/${chain[0]!.id}`)).hash, chain[0]!.hash);
});

test('the line that puts another one right lists what it takes back and adds, and nothing that an earlier one did', async () => {
  const { clock, customer, say } = await charged();
  for (const conversation of ['c1', 'c2', 'c3']) await say('solved', conversation, START);
  const listed = async (kind: RegExp) => {
    const { data: [invoice] } = await stripe.invoices.list({ customer, limit: 1 });
    const line = invoice!.lines.data.find((each) => kind.test(each.description!))!;
    return (await get(`invoices/${invoice!.id}/lines/${line.id}/outcomes`)).data.map((each: Json) => [each.subject, each.taken_back]).sort();
  };
  await kontor.advance(clock, FEB + 2 * HOUR);
  assert.deepEqual(await listed(/^3 × /), [['c1', false], ['c2', false], ['c3', false]]);
  await say('reopened', 'c1', FEB + HOUR);
  await kontor.advance(clock, FEB + DAY);
  await say('solved', 'c4', FEB - DAY);
  await say('solved', 'c5', FEB - DAY);
  await kontor.advance(clock, MARCH + 2 * HOUR);
  assert.deepEqual(await listed(/^Correction of .*: 4 instead of 3 × /), [['c1', true], ['c4', false], ['c5', false]]);
  await say('reopened', 'c2', MARCH + HOUR);
  await kontor.advance(clock, MARCH + 32 * DAY);
  assert.deepEqual(await listed(/^Correction of .*: 3 instead of 4 × /), [['c2', true]]);
});

test('where a threshold bills in the middle of a period, each line lists what it bills', async () => {
  const { clock, customer, say } = await charged({ billing_thresholds: { amount_gte: 150 } });
  await kontor.advance(clock, START + DAY);
  for (const conversation of ['c1', 'c2']) await say('solved', conversation, START + HOUR);
  await kontor.advance(clock, START + 10 * DAY);
  await say('solved', 'c3', START + 9 * DAY);
  await say('reopened', 'c1', START + 9 * DAY);
  await kontor.advance(clock, FEB + 2 * HOUR);
  const listed = await Promise.all((await stripe.invoices.list({ customer })).data.map(async ({ id, lines: { data: [line] } }) => [line!.quantity, (await get(`invoices/${id}/lines/${line!.id}/outcomes`)).data.map((each: Json) => [each.subject, each.taken_back]).sort()]));
  assert.deepEqual(listed, [[0, [['c1', true], ['c3', false]]], [2, [['c1', true], ['c2', false]]]]);
});

test('what a voided invoice had billed is taken back in the chain', async () => {
  const { clock, customer, subscription, say } = await charged({ collection_method: 'send_invoice', days_until_due: 30 });
  for (const conversation of ['c1', 'c2']) await say('solved', conversation, START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  const [january] = (await stripe.invoices.list({ subscription, limit: 1 })).data;
  await stripe.invoices.voidInvoice(january!.id);
  await kontor.advance(clock, FEB + 3 * HOUR);
  const { data } = await get(`outcome_receipts?customer=${customer}`);
  assert.deepEqual(data.map((each: Json) => each['kind']).toReversed(), ['billed', 'billed', 'taken_back', 'taken_back']);
});

test('what is contested after its invoice stays on it until it is decided, and comes back with the next one', async () => {
  const { clock, customer, subscription, say } = await charged();
  await say('solved', 'c1', START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  const [success] = (await get(`outcomes?customer=${customer}`)).data;
  const contested = await post(`outcomes/${success.id}/contest`, { by: 'customer', reason: 'No.' });
  assert.deepEqual([contested.contests[0].held, contested.counted_at], [false, START]);
  await post(`outcomes/${success.id}/accept_contest`);
  assert.deepEqual((await stripe.invoiceItems.list({ customer, pending: true })).data.map((item) => item.amount), [-99]);
  await kontor.advance(clock, Date.UTC(2026, 2, 1, 2) / 1_000);
  const [february] = (await stripe.invoices.list({ subscription, limit: 1 })).data;
  assert.deepEqual([february!.total, february!.lines.data.map((line) => line.amount)], [-99, [-99, 0]]);
});

test('a definition is tried on the past, also at another price', async () => {
  const { definition, clock, customer, say } = await charged();
  for (const conversation of ['c1', 'c2', 'c3']) await say('answered', conversation, START);
  await say('solved', 'c4', START);
  await kontor.advance(clock, START + 10 * DAY);
  const dear = await meteredPrice(stripe, definition.outcomes[0].meter, 150, { product_data: { name: 'Resolution' } });
  const tried = await post('outcome_definitions/preview', { definition: definition.id, from: START, to: START + 10 * DAY, customer, definition_data: { rules: [{ event_name: 'solved', effect: 'succeed' }] }, prices: [{ outcome: 'success', price: dear.id }] });
  assert.deepEqual(tried.data, [{ customer, outcome: 'success', currency: 'usd', price: dear.id, count: 1, amount: 150, was_count: 4, was_amount: 396 }]);
  assert.deepEqual([tried.events, tried.subjects, tried.totals], [1, 1, [{ outcome: 'success', currency: 'usd', count: 1, amount: 150, was_count: 4, was_amount: 396 }]]);
  const same = await post('outcome_definitions/preview', { definition: definition.id, from: START, to: START + 10 * DAY, customer });
  assert.deepEqual(same.data.map((each: Json) => [each.count, each.amount, each.was_count, each.was_amount]), [[4, 396, 4, 396]]);
  await assert.rejects(post('outcome_definitions/preview', { from: START }), /Say what to try/);
  await assert.rejects(post('outcome_definitions/preview', { definition: definition.id, from: 0, to: START }), /At most 400 days/);
});

test('the meter of a definition stays active', async () => {
  const { definition } = await charged();
  await assert.rejects(stripe.billing.meters.deactivate(definition.outcomes[0].meter), /counts its successes on the meter/);
});

test('what a credit note gave back of successes is not missed where they are taken back', async () => {
  const { clock, subscription, say } = await charged();
  for (const conversation of ['c1', 'c2', 'c3']) await say('solved', conversation, START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  const [january] = (await stripe.invoices.list({ subscription, limit: 1 })).data;
  await stripe.creditNotes.create({ invoice: january!.id, amount: 297, credit_amount: 297 });
  await say('reopened', 'c2', FEB + HOUR);
  assert.deepEqual((await get(`invoice_corrections?invoice=${january!.id}`)).data, []);
});

test('successes that are free are not missed where they are taken back', async () => {
  const { clock, subscription, say } = await charged({}, { billing_scheme: 'tiered', tiers_mode: 'graduated', tiers: [{ up_to: 5, unit_amount: 0 }, { up_to: 'inf', unit_amount: 99 }] });
  for (const conversation of ['c1', 'c2', 'c3']) await say('solved', conversation, START);
  await kontor.advance(clock, FEB + 2 * HOUR);
  await say('reopened', 'c2', FEB + HOUR);
  const [january] = (await stripe.invoices.list({ subscription, limit: 1 })).data;
  assert.deepEqual((await get(`invoice_corrections?invoice=${january!.id}`)).data, []);
});

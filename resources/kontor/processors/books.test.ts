/** What Stripe has taken, lost and paid out by itself is in the books as it happened. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type Stripe from 'stripe';
import { FakeStripe } from '../../../tests/fakes/stripe/stripe.ts';
import { startKontor, type Kontor } from '../../../tests/kontor.ts';
import { verify } from '../../../server/verify.ts';

type Json = { [field: string]: any };

let fake: FakeStripe;
let kontor: Kontor;
let stripe: Stripe;
let processor: string;

before(async () => {
  fake = await new FakeStripe().start();
  kontor = await startKontor({ stripe: { address: fake.address, timeout_ms: 2_000 } });
  ({ stripe } = kontor);
  const made = await raw('POST', 'processors', { type: 'stripe', settings: { secret_key: fake.key, webhook_secret: fake.webhook_secret } });
  processor = made.id;
  fake.herald.url = made.webhook_url;
});
after(async () => {
  await fake.herald.settled();
  await fake.close();
  // What came besides is shown to whoever looks.
  await assert.rejects(kontor.close(), ({ message }: Error) => message.split('\n').length === 2 && /I7 .* its charges took 8000$/.test(message));
});

const BACK = 'https://shop.example.com/back';
const raw = (method: string, path: string, params?: object) => stripe.rawRequest(method, `/v1/kontor/${path}`, params) as unknown as Promise<Json>;
const cardAt = async (token: string): Promise<string> => (await raw('POST', `processors/${processor}/payment_methods`, { token })).id;
async function standing(...accounts: string[]): Promise<number[]> {
  const { balances } = await raw('GET', 'ledger/trial_balance');
  return accounts.map((account) => (balances as Json[]).filter((each) => each.ledger_account === account).reduce((sum, each) => sum + each.balance, 0));
}

test('what came for an invoice that was paid otherwise is kept apart, and comes out of that when it is given back', async () => {
  const { id: customer } = await stripe.customers.create();
  const card = (await stripe.paymentMethods.attach(await cardAt('pm_card_authenticationRequiredOnSetup'), { customer })).id;
  const { id: invoice } = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice, amount: 8_000, currency: 'usd' });
  await stripe.invoices.finalizeInvoice(invoice);
  const [before] = (await stripe.invoicePayments.list({ invoice })).data;
  const intent = before!.payment.payment_intent as string;
  const asked = await stripe.paymentIntents.confirm(intent, { payment_method: card, return_url: BACK });
  assert.equal(asked.status, 'requires_action');
  const { url } = fake.herald;
  fake.herald.url = null;
  fake.act([...fake.intents.keys()].at(-1)!, 'succeeded');
  await stripe.invoices.pay(invoice, { paid_out_of_band: true });
  fake.herald.url = url;
  await fake.herald.settled();
  const [charge] = (await stripe.charges.list({ payment_intent: intent })).data;
  assert.deepEqual([charge!.status, charge!.amount_captured, await standing('unapplied_payments', 'refunds')], ['succeeded', 8_000, [-8_000, 0]]);
  await stripe.refunds.create({ charge: charge!.id, amount: 3_000 });
  assert.deepEqual(await standing('unapplied_payments', 'refunds'), [-5_000, 0]);

  const spoil = (applied: boolean) => kontor.database.asOwner((owner) => owner.query(`begin; set local kontor.world = '${kontor.world.id}'; update charges set applied = ${applied} where id = '${charge!.id}'; commit`));
  await spoil(true);
  const found = await verify(kontor.database, () => undefined, kontor.app.clock);
  assert.ok(found.some(({ object, sentence }) => object === charge!.id && /5000 of it are kept apart, not 0/.test(sentence)), JSON.stringify(found));
  await spoil(false);
});

test('a payment that was given back in part pays no invoice', async () => {
  const { id: customer } = await stripe.customers.create();
  const paid = await stripe.paymentIntents.create({ amount: 5_000, currency: 'usd', customer, payment_method: await cardAt('pm_card_visa'), confirm: true });
  const { id: invoice } = await stripe.invoices.create({ customer, currency: 'usd', auto_advance: false });
  await stripe.invoiceItems.create({ customer, invoice, amount: 5_000, currency: 'usd' });
  await stripe.invoices.finalizeInvoice(invoice);
  const [apart, given] = await standing('unapplied_payments', 'refunds');
  await stripe.refunds.create({ payment_intent: paid.id, amount: 1_000 });
  await assert.rejects(stripe.invoices.attachPayment(invoice, { payment_intent: paid.id }), { code: 'payment_intent_invalid_parameter', param: 'payment_intent' });
  const whole = await stripe.paymentIntents.create({ amount: 5_000, currency: 'usd', customer, payment_method: await cardAt('pm_card_visa'), confirm: true });
  await stripe.invoices.attachPayment(invoice, { payment_intent: whole.id });
  await stripe.refunds.create({ payment_intent: whole.id });
  assert.deepEqual(await standing('unapplied_payments', 'refunds'), [apart! + 1_000, given! + 5_000]);
});

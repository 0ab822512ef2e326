import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startKontor, type Kontor } from '../../tests/kontor.ts';

let kontor: Kontor;
before(async () => { kontor = await startKontor(); });
after(() => kontor.close());

test('a customer is created, read, changed and listed', async () => {
  const { stripe } = kontor;
  const made = await stripe.customers.create({ email: 'jenny@example.com', name: 'Jenny', metadata: { plan: 'gold', seat: '3' } });
  assert.match(made.id, /^cus_[0-9A-Za-z]{14,}$/);
  assert.equal(made.object, 'customer');
  assert.equal(made.balance, 0);
  const changed = await stripe.customers.update(made.id, { metadata: { plan: '' }, address: { country: 'DE', city: 'Berlin' } });
  assert.deepEqual(changed.metadata, { seat: '3' });
  assert.equal(changed.address?.city, 'Berlin');
  const listed = await stripe.customers.list({ email: 'jenny@example.com' });
  assert.deepEqual(listed.data.map((each) => each.id), [made.id]);
});

test('the same idempotency key gives the same answer, and another request with it is refused', async () => {
  const { stripe } = kontor;
  const first = await stripe.customers.create({ name: 'Once' }, { idempotencyKey: 'k1' });
  const again = await stripe.customers.create({ name: 'Once' }, { idempotencyKey: 'k1' });
  assert.equal(again.id, first.id);
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
  await assert.rejects(stripe.customers.create({ name: 'Twice' }, { idempotencyKey: 'k1' }), { type: 'StripeIdempotencyError' });
});

test('another account sees nothing of it', async () => {
  const { stripe } = await kontor.another();
  const made = await kontor.stripe.customers.create({});
  await assert.rejects(stripe.customers.retrieve(made.id), { code: 'resource_missing', statusCode: 404 });
  assert.equal((await stripe.customers.list()).data.length, 0);
});

test('a test clock advances and says so', async () => {
  const clock = await kontor.stripe.testHelpers.testClocks.create({ frozen_time: 1_767_225_600 });
  await kontor.advance(clock.id, 1_767_225_600 + 86_400);
  const moved = await kontor.stripe.testHelpers.testClocks.retrieve(clock.id);
  assert.equal(moved.frozen_time, 1_767_312_000);
});
